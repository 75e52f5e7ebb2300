/**
 * The local cluster, on this machine: a real kubelet, volumes, Services and DNS, and no trace of it afterwards.
 *
 * It uses a cluster that is already up, and then leaves it up; "down" is tried only on one that it started. In CI it begins
 * with "down", so that everything is tried.
 */
import { join } from 'node:path'
import { stringify } from 'yaml'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { binary } from './binaries.ts'
import { exists } from './machine.ts'
import { difference, type Trace, traceMachine } from './machine-trace.ts'
import { installPackages } from './steps/packages.ts'
import { kubeconfigPath, projectRoot, stateRoot } from './paths.ts'
import { run } from './run.ts'
import { type Row, status } from './status.ts'

const namespace = 'cluster-test'
const minutes = 60_000
const canRun = process.platform === 'linux' && process.getuid?.() === 0
const wasUp = (await exists(stateRoot)) && !process.env.CI

const cluster = (...args: string[]) => run(process.execPath, [join(projectRoot, 'test/cluster/main.ts'), ...args])

async function kubectl(...args: string[]): Promise<string> {
  return run(await binary('kubectl'), ['--kubeconfig', kubeconfigPath, '--namespace', namespace, ...args])
}

async function apply(...objects: object[]): Promise<void> {
  const input = objects.map((object) => stringify(object)).join('---\n')
  await run(await binary('kubectl'), ['--kubeconfig', kubeconfigPath, '--namespace', namespace, 'apply', '-f', '-'], {
    input,
  })
}

/** Runs JavaScript in the pod `client` and gives what it prints. */
const inClient = async (script: string) => (await kubectl('exec', 'client', '--', 'node', '-e', script)).trim()

const pidsOf = (rows: Row[]) => Object.fromEntries(rows.map(({ component, pid }) => [component, pid]))

const server = `
  fs.appendFileSync('/data/starts', 'started\\n')
  console.log('listening')
  http.createServer((request, response) => response.end(fs.readFileSync('/data/starts'))).listen(8080)
  process.on('SIGTERM', () => process.exit(0))`

function pod(name: string, script: string, volume?: string): object {
  const security = { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } }
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { app: name } },
    spec: {
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 65532,
        runAsGroup: 65532,
        fsGroup: 65532,
        seccompProfile: { type: 'RuntimeDefault' },
      },
      containers: [
        {
          name: 'main',
          image: 'localhost/pillion/node:dev',
          imagePullPolicy: 'Never',
          args: ['-e', script],
          securityContext: security,
          ...(volume ? { volumeMounts: [{ name: 'data', mountPath: '/data' }] } : {}),
        },
      ],
      ...(volume ? { volumes: [{ name: 'data', persistentVolumeClaim: { claimName: volume } }] } : {}),
    },
  }
}

const claim = {
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: 'data' },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
}

const service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'front' },
  spec: { selector: { app: 'server' }, ports: [{ port: 80, targetPort: 8080 }] },
}

describe.skipIf(!canRun)('local cluster (Linux, root)', () => {
  let before: Trace

  beforeAll(async () => {
    await installPackages()
    if (!wasUp) await cluster('down')
    before = await traceMachine()
    await cluster('up')
    await run(await binary('kubectl'), ['--kubeconfig', kubeconfigPath, 'create', 'namespace', namespace])
    await apply(claim, service, pod('server', server, 'data'), pod('client', 'setInterval(() => {}, 1000)'))
    await kubectl('wait', '--for=condition=Ready', 'pod/server', 'pod/client', '--timeout=120s')
  }, 60 * minutes)

  afterAll(async () => {
    if (await exists(kubeconfigPath))
      await kubectl('delete', 'namespace', namespace, '--ignore-not-found', '--force', '--grace-period=0')
  }, 5 * minutes)

  test('all components are healthy', async () => {
    expect(await status()).toEqual((await status()).map((row) => ({ ...row, pid: expect.any(Number), healthy: true })))
  })

  test('a pod that is not root writes to the volume that it claimed, and finds it again after a restart', async () => {
    await kubectl('delete', 'pod', 'server', '--grace-period=1')
    await apply(pod('server', server, 'data'))
    await kubectl('wait', '--for=condition=Ready', 'pod/server', '--timeout=120s')
    await expect.poll(() => inClient(fetching('http://front/')), { timeout: 30_000 }).toBe('started\nstarted')
  })

  test.each(['front', `front.${namespace}.svc`, `front.${namespace}.svc.cluster.local`])(
    'a pod reaches another by the Service name %s',
    async (host) => {
      await expect.poll(() => inClient(fetching(`http://${host}/`)), { timeout: 30_000 }).toContain('started')
    },
  )

  test('the machine reaches the addresses of pods and Services', async () => {
    const address = await kubectl('get', 'service', 'front', '-o', 'jsonpath={.spec.clusterIP}')
    const podAddress = await kubectl('get', 'pod', 'server', '-o', 'jsonpath={.status.podIP}')
    expect(await (await fetch(`http://${address}/`)).text()).toContain('started')
    expect(await (await fetch(`http://${podAddress}:8080/`)).text()).toContain('started')
  })

  test('a name outside the cluster is answered at once: there is none', async () => {
    const script = "dns.lookup('example.com', (error) => console.log(error.code))"
    expect(await inClient(script)).toBe('ENOTFOUND')
  })

  test('a pod reaches the API server by its Service, with its own service account', async () => {
    const script = `
      const at = (name) => fs.readFileSync('/var/run/secrets/kubernetes.io/serviceaccount/' + name)
      const options = { agent: false, ca: at('ca.crt'), headers: { authorization: 'Bearer ' + at('token') } }
      https.get('https://kubernetes.default.svc/version', options, (response) => console.log(response.resume().statusCode))`
    expect(await inClient(script)).toBe('200')
  })

  test('logs are there', async () => {
    expect(await kubectl('logs', 'server')).toBe('listening\n')
  })

  test('a volume grows when its claim asks for more', async () => {
    await kubectl('patch', 'pvc', 'data', '--patch', '{"spec":{"resources":{"requests":{"storage":"2Gi"}}}}')
    const capacity = () => kubectl('get', 'pvc', 'data', '-o', 'jsonpath={.status.capacity.storage}')
    await expect.poll(capacity, { timeout: 3 * minutes, interval: 500 }).toBe('2Gi')
  })

  test('up on a cluster that runs changes nothing', async () => {
    const pids = pidsOf(await status())
    await cluster('up')
    expect(pidsOf(await status())).toEqual(pids)
  })

  test('up starts again what was killed, and nothing else', async () => {
    const pids = pidsOf(await status())
    process.kill(pids.coredns ?? 0, 'SIGKILL')
    await expect.poll(async () => pidsOf(await status()).coredns).toBeUndefined()
    await cluster('up')
    expect(pidsOf(await status())).toEqual({ ...pids, coredns: expect.not.toSatisfy((pid) => pid === pids.coredns) })
  })

  test.each([[['kube-apiserver']], [['kube-apiserver', '--kill']]])(
    'restart %s leaves the others alone',
    async (args) => {
      const pids = pidsOf(await status())
      await cluster('restart', ...args)
      const after = pidsOf(await status())
      expect(after['kube-apiserver']).not.toBe(pids['kube-apiserver'])
      expect({ ...after, 'kube-apiserver': 0 }).toEqual({ ...pids, 'kube-apiserver': 0 })
      expect(await kubectl('get', 'pod', 'server', '-o', 'name')).toBe('pod/server\n')
    },
  )

  test('a component that does not exist is refused by name', async () => {
    await expect(cluster('restart', 'kube-foo')).rejects.toThrow(
      /there is no component "kube-foo"; there are: containerd, etcd/,
    )
  })

  test.skipIf(wasUp)('down leaves the machine as it was (a cluster that was not up before)', async () => {
    expect(difference(before, await traceMachine())).toEqual(expect.arrayContaining(['+ interfaces: pillion0']))
    await cluster('down')
    expect(difference(before, await traceMachine())).toEqual([])
  })
})

function fetching(url: string): string {
  return `fetch('${url}').then((response) => response.text()).then(console.log, (error) => console.log(error.cause.code))`
}
