import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { binary } from '../cluster/binaries.ts'
import { type ControlPlane, startControlPlane } from '../cluster/control-plane.ts'
import { run } from '../cluster/run.ts'
import { chart, helm, template } from './helm.ts'

const everyValueChanged = join(import.meta.dirname, 'every-value-changed.yaml')

let cluster: ControlPlane
let kubectl: (args: string[], input?: string) => Promise<string>
const release = async (...args: string[]) => helm([...args, '--kubeconfig', cluster.kubeconfig])

// Building the programs takes minutes where they are not cached.
beforeAll(async () => {
  // With all controllers there are ServiceAccounts, which the API server then asks for before it takes a pod.
  cluster = await startControlPlane({ controllers: ['*'] })
  const program = await binary('kubectl')
  kubectl = (args, input) =>
    run(program, ['--kubeconfig', cluster.kubeconfig, ...args], input === undefined ? {} : { input })
  for (const name of ['pillion-system', 'shop', 'billing']) await kubectl(['create', 'namespace', name])
})
afterAll(async () => cluster?.stop())

describe('kubectl apply --server-side --dry-run=server', () => {
  const dryRun = async (text: string) => kubectl(['apply', '--server-side', '--dry-run=server', '-f', '-'], text)

  test('takes what the chart renders by default, without a remark', async () => {
    const said = await dryRun(await template())
    expect(said).toContain('deployment.apps/pillion-operator serverside-applied (server dry run)')
    expect(said).toContain('job.batch/pillion-test serverside-applied (server dry run)')
    expect(
      said
        .trimEnd()
        .split('\n')
        .filter((line) => !line.endsWith(' serverside-applied (server dry run)')),
    ).toEqual([])
  })

  test('takes it with every value changed', async () => {
    const text = await template({
      args: ['--values', everyValueChanged, '--set', 'dashboard.enabled=true,crds.install=true'],
    })
    const said = await dryRun(text)
    expect(said).toContain('poddisruptionbudget.policy/pillion-operator serverside-applied (server dry run)')
    expect(
      said
        .trimEnd()
        .split('\n')
        .filter((line) => !line.endsWith(' serverside-applied (server dry run)')),
    ).toEqual([])
  })
})

test('a namespace with Pod Security restricted has nothing against the pods', async () => {
  const level = 'pod-security.kubernetes.io/warn=restricted'
  await kubectl(['label', 'namespace', 'pillion-system', level])
  // Warnings about pods in a Deployment or a Job are told when the object is applied.
  const args = ['apply', '--server-side', '--dry-run=server', '--warnings-as-errors', '-f', '-']
  await expect(kubectl(args, await template())).resolves.toContain('deployment.apps/pillion-operator')
})

describe('a release', () => {
  const crds = ['crd', 'queues.pillion.dev', 'queuebrokers.pillion.dev', '-o', 'name']
  const inNamespace = ['--namespace', 'pillion-system']
  const operatorEnvironment = async () =>
    kubectl([
      'get',
      'deployment',
      'pillion-operator',
      ...inNamespace,
      '-o',
      'jsonpath={.spec.template.spec.containers[0].env}',
    ])

  test('is installed, upgraded, and leaves CRDs and Queues when it is uninstalled', async () => {
    expect(await release('install', 'pillion', chart, ...inNamespace)).toContain('helm test pillion')
    await kubectl(['wait', '--for', 'condition=Established', ...crds.slice(0, 3), '--timeout', '60s'])
    const queue = { apiVersion: 'pillion.dev/v1alpha1', kind: 'Queue', metadata: { name: 'orders', namespace: 'shop' } }
    await kubectl(['apply', '-f', '-'], JSON.stringify(queue))

    await release('upgrade', 'pillion', chart, ...inNamespace, '--set', 'sidecarImage.tag=9.9.9', '--set', 'replicas=2')
    expect(await operatorEnvironment()).toContain('"pillion/sidecar:9.9.9"')
    expect(await kubectl(['get', 'queues.pillion.dev', 'orders', '-n', 'shop', '-o', 'name'])).toContain('orders')

    const said = await release('uninstall', 'pillion', ...inNamespace)
    expect(said).toContain('[CustomResourceDefinition] queues.pillion.dev')
    expect(await kubectl(['get', ...crds])).toMatch(/queues[^]*queuebrokers/)
    expect(await kubectl(['get', 'queues.pillion.dev', 'orders', '-n', 'shop', '-o', 'name'])).toContain('orders')
    await expect(operatorEnvironment()).rejects.toThrow(/not found/)
  })

  test('leaves behind what refuses to delete a Queue that holds messages', async () => {
    const messages = { ready: 2, inFlight: 0, delayed: 0, deadLettered: 0 }
    const patch = JSON.stringify({ status: { messages } })
    await kubectl(['patch', 'pq', 'orders', '-n', 'shop', '--subresource=status', '--type=merge', '-p', patch])
    await expect(kubectl(['delete', 'pq', 'orders', '-n', 'shop'])).rejects.toThrow(
      /queue orders still holds 2 messages/,
    )
  })

  test('installed again under another name, takes up what was left if it is told to', async () => {
    await expect(release('install', 'other', chart, ...inNamespace)).rejects.toThrow(/cannot be imported/)
    await release('install', 'other', chart, ...inNamespace, '--take-ownership')
    await release('uninstall', 'other', ...inNamespace)
    expect(await kubectl(['get', ...crds])).toMatch(/queues[^]*queuebrokers/)
    await release('install', 'other', chart, ...inNamespace)
    expect(await kubectl(['get', 'queues.pillion.dev', 'orders', '-n', 'shop', '-o', 'name'])).toContain('orders')
  })
})

describe('rights of people', () => {
  const can = async (verb: string, role: string) => {
    const folder = await mkdtemp(join(tmpdir(), 'pillion-chart-'))
    try {
      const binding = join(folder, 'binding.json')
      const subjects = [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: role }]
      const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role }
      const metadata = { name: role, namespace: 'billing' }
      await writeFile(
        binding,
        JSON.stringify({
          apiVersion: 'rbac.authorization.k8s.io/v1',
          kind: 'RoleBinding',
          metadata,
          roleRef,
          subjects,
        }),
      )
      await kubectl(['apply', '-f', binding])
      return await kubectl(['auth', 'can-i', verb, 'queues.pillion.dev', '-n', 'billing', '--as', role]).catch(
        () => 'no',
      )
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }

  test('who may view a namespace may read its Queues, who may edit it may write them', async () => {
    // The controller manager adds the chart's roles to these some time after the release was installed.
    await expect.poll(() => can('list', 'view'), { timeout: 30_000, interval: 500 }).toBe('yes\n')
    await expect.poll(() => can('create', 'edit'), { timeout: 30_000, interval: 500 }).toBe('yes\n')
    expect(await can('create', 'view')).toBe('no')
  })
})
