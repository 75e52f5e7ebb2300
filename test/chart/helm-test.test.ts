import { type ChildProcess } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { parse } from 'yaml'
import { binary } from '../cluster/binaries.ts'
import { type ControlPlane, startControlPlane } from '../cluster/control-plane.ts'
import { projectRoot } from '../cluster/paths.ts'
import { run } from '../cluster/run.ts'
import { exited, spawnChild } from '../harness/children.ts'
import { type Embedded, startEmbedded } from '../harness/embedded.ts'
import { rendered } from './helm.ts'

// The program of the `helm test` pod with the rights that the chart gives to it, on a real API server and a real broker. There is no
// node here, so the test does the operator's part: it makes the Secret and says that the Queue is Ready.

const namespace = 'pillion-system'
const queue = 'pillion-test-1'
const manifest = { apiVersion: 'pillion.dev/v1alpha1', kind: 'Queue', metadata: { name: queue, namespace } }

let cluster: ControlPlane
let broker: Embedded
let folder: string
let environment: Record<string, string>
let kubectl: (args: string[], input?: object) => Promise<string>

beforeAll(async () => {
  cluster = await startControlPlane({ controllers: ['*'] })
  broker = await startEmbedded({ manifests: JSON.stringify(manifest) })
  folder = await mkdtemp(join(tmpdir(), 'pillion-helm-test-'))
  const program = await binary('kubectl')
  kubectl = (args, input) =>
    run(
      program,
      ['--kubeconfig', cluster.kubeconfig, ...args],
      input === undefined ? {} : { input: JSON.stringify(input) },
    )
  await kubectl(['create', 'namespace', namespace])
  const objects = (await rendered()).filter(
    ({ kind, metadata: { name } }) =>
      kind === 'CustomResourceDefinition' || (name === 'pillion-test' && kind !== 'Job'),
  )
  await kubectl(['apply', '-f', '-'], { apiVersion: 'v1', kind: 'List', items: objects })
  await kubectl(['wait', '--for', 'condition=Established', 'crd', 'queues.pillion.dev', '--timeout', '60s'])
  environment = await podEnvironment()
})
afterAll(async () => {
  await broker?.[Symbol.asyncDispose]()
  await cluster?.stop()
  if (folder !== undefined) await rm(folder, { recursive: true, force: true })
})
afterEach(async () => {
  await kubectl(['delete', '-n', namespace, 'queues.pillion.dev,secrets', '--all'])
})

test('sends and receives messages, and deletes its Queue', async () => {
  await brokerSecret('client')
  const program = start(environment)
  await created()
  await ready()
  expect(await outcome(program)).toEqual({
    code: 0,
    errors: '',
    output: [
      `created Queue ${queue} in namespace ${namespace}`,
      'it is Ready',
      `published 10 messages to q.${queue}; received and acknowledged all of them as group workers`,
      `deleted Queue ${queue}`,
      '',
    ].join('\n'),
  })
  expect(await queues()).toBe('')
})

test('replaces a Queue that a test before it left', async () => {
  await brokerSecret('client')
  await kubectl(['create', '-f', '-'], manifest)
  const left = await created()
  const program = start(environment)
  await vi.waitFor(async () => expect(await created()).not.toBe(left), { timeout: 20_000, interval: 200 })
  await ready()
  expect(await outcome(program)).toMatchObject({ code: 0 })
})

test('a Queue that does not become Ready: says why, deletes it and fails', async () => {
  const program = start({ ...environment, PILLION_TEST_TIMEOUT_SECONDS: '5' })
  await created()
  await status([{ type: 'Ready', status: 'False', reason: 'VolumeNotBound', message: 'no StorageClass makes volumes' }])
  const { code, errors, output } = await outcome(program)
  expect(code).toBe(1)
  expect(errors).toContain(
    'the Queue is not Ready in time; its conditions:\n  Ready=False VolumeNotBound: no StorageClass makes volumes',
  )
  expect(output).toContain(`deleted Queue ${queue}`)
  expect(await queues()).toBe('')
})

test('a Queue that nobody looks after: says what to look at', async () => {
  const { code, errors } = await outcome(start({ ...environment, PILLION_TEST_TIMEOUT_SECONDS: '3' }))
  expect(code).toBe(1)
  expect(errors).toContain('none: is the operator running, and does it watch this namespace?')
})

test('a broker that does not know the credentials: fails, and deletes the Queue', async () => {
  await brokerSecret('wrong')
  const program = start(environment)
  await created()
  await ready()
  const { code, errors } = await outcome(program)
  expect(code).toBe(1)
  expect(errors).toMatch(/authorization/i)
  expect(await queues()).toBe('')
})

test('without its rights: fails with what the API server says', async () => {
  const token = join(folder, 'other-token')
  await writeFile(token, await kubectl(['create', 'token', '-n', namespace, 'default']))
  const { code, errors } = await outcome(start({ ...environment, PILLION_TEST_TOKEN_FILE: token }))
  expect(code).toBe(1)
  expect(errors).toMatch(/POST .*\/queues was answered with 403: .*default.* cannot create resource/)
})

/** What the pod has: the variables of the chart's Job, the API server's address, and the token of its ServiceAccount. */
async function podEnvironment(): Promise<Record<string, string>> {
  const job = (await rendered()).find(({ kind }) => kind === 'Job')
  const set = job?.spec?.template?.spec.containers[0]?.env ?? []
  const { clusters } = parse(await readFile(cluster.kubeconfig, 'utf8'))
  const { hostname, port } = new URL(clusters[0].cluster.server)
  const [ca, token] = [join(folder, 'ca.crt'), join(folder, 'token')]
  await writeFile(ca, Buffer.from(clusters[0].cluster['certificate-authority-data'], 'base64'))
  await writeFile(token, await kubectl(['create', 'token', '-n', namespace, 'pillion-test']))
  return {
    ...Object.fromEntries(set.map(({ name, value = '' }) => [name, value])),
    KUBERNETES_SERVICE_HOST: hostname,
    KUBERNETES_SERVICE_PORT: port,
    NODE_EXTRA_CA_CERTS: ca,
    PILLION_TEST_TOKEN_FILE: token,
  }
}

function start(env: Record<string, string>): ChildProcess {
  return spawnChild(process.execPath, ['charts/helm-test/main.ts'], {
    cwd: projectRoot,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

async function outcome(child: ChildProcess): Promise<{ code: number | null; output: string; errors: string }> {
  if (child.stdout === null || child.stderr === null) throw new Error('its output is not read')
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr), exited(child)])
  return { code: child.exitCode, output, errors }
}

/** The uid of the Queue, once it is there. */
async function created(): Promise<string> {
  const uid = ['get', '-n', namespace, 'queues.pillion.dev', queue, '-o', 'jsonpath={.metadata.uid}']
  return vi.waitFor(() => kubectl(uid), { timeout: 20_000, interval: 200 })
}

const queues = async () => kubectl(['get', '-n', namespace, 'queues.pillion.dev', '-o', 'name'])

const ready = async () => status([{ type: 'Ready', status: 'True', reason: 'AsDeclared', message: '' }])

async function status(conditions: object[]): Promise<void> {
  const more = { observedGeneration: 1, lastTransitionTime: '2026-01-01T00:00:00Z' }
  const patch = { status: { conditions: conditions.map((condition) => ({ ...condition, ...more })) } }
  await kubectl([
    'patch',
    '-n',
    namespace,
    'queues.pillion.dev',
    queue,
    '--subresource=status',
    '--type=merge',
    '-p',
    JSON.stringify(patch),
  ])
}

async function brokerSecret(password: string): Promise<void> {
  const stringData = { url: broker.url, username: 'client', password }
  await kubectl(['create', '-f', '-'], {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: `${queue}-client`, namespace },
    stringData,
  })
}
