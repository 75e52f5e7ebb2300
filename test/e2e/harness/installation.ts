import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { binary } from '../../cluster/binaries.ts'
import { kubeconfigPath, projectRoot } from '../../cluster/paths.ts'
import { run } from '../../cluster/run.ts'
import { kubectl } from './kubectl.ts'
import { isPodReady, type StoredPod } from './objects.ts'
import { until } from './until.ts'

/** The one release that all tests share. */
export const installation = {
  release: 'pillion',
  namespace: 'pillion-system',
  chart: join(projectRoot, 'charts/pillion'),
  deployment: 'pillion-operator',
  /** Low, so that tests of what a resync mends are short. */
  resyncSeconds: 10,
} as const

const values: Readonly<Record<string, string>> = {
  'image.repository': 'localhost/pillion/operator',
  'image.tag': 'dev',
  'sidecarImage.repository': 'localhost/pillion/sidecar',
  'sidecarImage.tag': 'dev',
  'natsImage.repository': 'localhost/pillion/nats-server',
  'natsImage.tag': 'dev',
  resync: `${installation.resyncSeconds}s`,
}

const setting = (all: Readonly<Record<string, string>>): string[] =>
  Object.entries(all).flatMap(([name, value]) => ['--set', `${name}=${value}`])

/** Runs helm against the local cluster, in the operator's namespace. */
export async function helm(...args: string[]): Promise<string> {
  return run(await binary('helm'), ['--kubeconfig', kubeconfigPath, '--namespace', installation.namespace, ...args])
}

const waiting = ['--wait', '--timeout', '120s']

/** Runs `helm test`; gives what helm prints, and what its pod did. */
export async function helmTest(): Promise<string> {
  const options = ['--kubeconfig', kubeconfigPath, '--namespace', installation.namespace, '--timeout', '240s']
  const { stdout, stderr } = await promisify(execFile)(await binary('helm'), ['test', installation.release, ...options])
  return stdout + stderr
}

/** Installs the release, or changes it; waits until the operator's pods are ready. What an interrupted run left is taken over. */
export async function installPillion(more: Readonly<Record<string, string>> = {}): Promise<void> {
  const { release, chart } = installation
  const all = setting({ ...values, ...more })
  await helm('upgrade', '--install', '--create-namespace', '--take-ownership', ...waiting, release, chart, ...all)
}

export const uninstallPillion = (): Promise<string> =>
  helm('uninstall', installation.release, '--ignore-not-found', ...waiting)

export async function operatorPods(): Promise<StoredPod[]> {
  const selector = ['--selector', 'app.kubernetes.io/name=pillion-operator']
  const text = await kubectl(['get', 'pods', '--namespace', installation.namespace, ...selector, '--output', 'json'])
  const list: { items: StoredPod[] } = JSON.parse(text)
  return list.items
}

const inNamespace = ['--namespace', installation.namespace]

/** Has the operator's pod replaced, and waits for the next. */
export async function rollOperator(): Promise<StoredPod> {
  const deployment = `deployment/${installation.deployment}`
  await kubectl(['rollout', 'restart', deployment, ...inNamespace])
  await kubectl(['rollout', 'status', deployment, '--timeout=120s', ...inNamespace])
  return readyOperatorPod()
}

/** The operator's pod, when it is ready and alone. */
export function readyOperatorPod(): Promise<StoredPod> {
  return until('one operator pod that is ready', async () => {
    const [pod, ...others] = await operatorPods()
    return pod !== undefined && others.length === 0 && isPodReady(pod) && pod
  })
}
