import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { binary } from './binaries.ts'
import type { Component } from './component.ts'
import { etcd } from './components/etcd.ts'
import { kubeApiserver } from './components/kube-apiserver.ts'
import { kubeControllerManager } from './components/kube-controller-manager.ts'
import { kubeconfig } from './kubeconfig.ts'
import { ensureCredentials } from './pki.ts'
import { freePort } from './ports.ts'
import { startProcess, stopProcess } from './processes.ts'

export type ControlPlaneOptions = {
  /**
   * Controllers to run in a kube-controller-manager, as its `--controllers` names them, such as
   * `garbage-collector-controller` or `namespace-controller`. None: no controller manager.
   */
  controllers?: string[]
}

export type ControlPlane = {
  /** Path of a kubeconfig of a cluster administrator. */
  kubeconfig: string
  /** Ends what was started and removes its files. */
  stop(): Promise<void>
  /** Ends kube-apiserver (SIGTERM unless told otherwise) and starts it again on the same port with the same data. */
  restartApiServer(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>
}

/**
 * Starts etcd and kube-apiserver, with no node, on free ports of 127.0.0.1, with their data in a temporary folder.
 * They end with the calling process, however that one ends. Takes a few seconds once the programs are built.
 */
export async function startControlPlane({ controllers = [] }: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const directory = await mkdtemp(join(tmpdir(), 'pillion-control-plane-'))
  const place = { pids: join(directory, 'pids'), logs: join(directory, 'logs'), endWithParent: true }
  const started: Component[] = []
  const stop = async () => {
    for (const { name } of started.toReversed()) await stopProcess(name, place)
    await rm(directory, { recursive: true, force: true })
  }
  try {
    const [clientPort, peerPort, port] = [await freePort(), await freePort(), await freePort()]
    const address = '127.0.0.1'
    const credentials = await ensureCredentials(join(directory, 'pki'), [address])
    const ca = await readFile(credentials.ca, 'utf8')
    const server = `https://${address}:${port}`
    const kubeconfigPath = join(directory, 'kubeconfig')
    await writeFile(kubeconfigPath, kubeconfig(server, ca, credentials.token('admin')), { mode: 0o600 })

    const start = async (component: Component) => {
      started.push(component)
      await startProcess(component, place)
    }
    await start(etcd({ program: await binary('etcd'), data: join(directory, 'etcd'), clientPort, peerPort }))
    const apiServer = kubeApiserver({
      program: await binary('kube-apiserver'),
      address,
      port,
      etcdPort: clientPort,
      serviceRange: '10.88.0.0/16',
      credentials,
      serviceAccounts: controllers.includes('*'),
    })
    await start(apiServer)
    if (controllers.length > 0) {
      const options = {
        program: await binary('kube-controller-manager'),
        port: await freePort(),
        kubeconfigPath: join(directory, 'kube-controller-manager.kubeconfig'),
        kubeconfig: kubeconfig(server, ca, credentials.token('kube-controller-manager')),
        credentials,
        controllers,
      }
      await start(kubeControllerManager(options))
    }
    return {
      kubeconfig: kubeconfigPath,
      stop,
      restartApiServer: async (signal) => {
        await stopProcess(apiServer.name, place, signal)
        await startProcess(apiServer, place)
      },
    }
  } catch (error) {
    await stop()
    throw error
  }
}
