import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { binary } from './binaries.ts'
import { writeClientFiles } from './client-files.ts'
import { type ComponentName, describeCluster, place } from './cluster.ts'
import { ensureArchive } from './images/archive.ts'
import { node, pause } from './images/catalog.ts'
import { importImage } from './images/import.ts'
import { clusterObjects } from './objects.ts'
import { clientRoot, kubeconfigPath, stateRoot } from './paths.ts'
import { ensureRunning } from './processes.ts'
import { run } from './run.ts'
import { say } from './say.ts'
import { nodeName } from './settings.ts'
import { noteBefore } from './steps/before.ts'
import { makeCgroups } from './steps/cgroups.ts'
import { openNetwork } from './steps/network.ts'
import { installPackages } from './steps/packages.ts'
import { buildPrograms } from './steps/programs.ts'

const readyLimit = 120_000
const others: ComponentName[] = [
  'kube-controller-manager',
  'kube-scheduler',
  'kubelet',
  'kube-proxy',
  'coredns',
  'volumes',
]

/** Brings the local cluster up, or what of it is not running or not as wanted. */
export async function up(): Promise<void> {
  const started = Date.now()
  await installPackages()
  await buildPrograms()
  await mkdir(stateRoot, { recursive: true, mode: 0o711 })
  await noteBefore()
  await openNetwork()
  await makeCgroups()
  const cluster = await describeCluster()
  await writeClientFiles(cluster.admin)

  const changes: string[] = []
  const ensure = async (name: ComponentName) => {
    const change = await ensureRunning(await cluster.component(name), place)
    if (change === 'running') return
    changes.push(name)
    say(`${change} ${name}`)
  }
  await Promise.all([
    ensure('containerd').then(loadOwnImages),
    ensure('etcd')
      .then(() => ensure('kube-apiserver'))
      .then(applyObjects),
  ])
  await Promise.all(others.map(ensure))
  await waitNodeReady(changes.includes('kubelet') ? wholeSecond(started) : undefined)
  const seconds = ((Date.now() - started) / 1000).toFixed(1)
  say(changes.length === 0 ? `the cluster is running (${seconds} s)` : `the cluster is up (${seconds} s)`)
  say(`export KUBECONFIG=${kubeconfigPath} PATH=${join(clientRoot, 'bin')}:$PATH`)
}

async function loadOwnImages(): Promise<void> {
  for (const recipe of [pause, node]) await importImage(await ensureArchive(recipe))
}

async function applyObjects(): Promise<void> {
  const options = ['apply', '--server-side', '--force-conflicts', '--field-manager=pillion-cluster', '-f', '-']
  await kubectl(options, clusterObjects())
}

/** With `since`: until the node itself said so after that time, not only in an earlier life. */
async function waitNodeReady(since?: Date): Promise<void> {
  const deadline = Date.now() + readyLimit
  const ready = '.status.conditions[?(@.type=="Ready")]'
  const path = `{${ready}.status} {${ready}.lastHeartbeatTime} {${ready}.message}`
  for (;;) {
    const said = await kubectl(['get', 'node', nodeName, '-o', `jsonpath=${path}`]).catch(String)
    const account = await kubectl(['get', 'serviceaccount', 'default', '-o', 'name']).catch(() => '')
    const [status, heartbeat = ''] = said.split(' ')
    const fresh = since === undefined || new Date(heartbeat) >= since
    if (status === 'True' && fresh && account !== '') return
    if (Date.now() > deadline) throw new Error(`the node is not ready after ${readyLimit / 1000} s: ${said}`)
    await sleep(250)
  }
}

/** Kubernetes' times have no fractions of a second. */
function wholeSecond(milliseconds: number): Date {
  return new Date(Math.floor(milliseconds / 1000) * 1000)
}

async function kubectl(args: string[], input = ''): Promise<string> {
  return run(await binary('kubectl'), ['--kubeconfig', kubeconfigPath, ...args], { input })
}
