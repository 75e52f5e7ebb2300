import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { binary } from './binaries.ts'
import type { Component } from './component.ts'
import { podNetwork } from './components/cni.ts'
import { containerd } from './components/containerd.ts'
import { coredns } from './components/coredns.ts'
import { etcd } from './components/etcd.ts'
import { kubeApiserver } from './components/kube-apiserver.ts'
import { kubeControllerManager } from './components/kube-controller-manager.ts'
import { kubeProxy } from './components/kube-proxy.ts'
import { kubeScheduler } from './components/kube-scheduler.ts'
import { kubelet } from './components/kubelet.ts'
import { volumes } from './components/volumes.ts'
import { pauseImage } from './images/pause.ts'
import { kubeconfig } from './kubeconfig.ts'
import { requireProgram } from './machine.ts'
import { containerdSocket, containerdState, pidRoot, projectRoot, state } from './paths.ts'
import { ensureCredentials, type Identity } from './pki.ts'
import type { Place } from './processes.ts'
import {
  apiServerUrl,
  apiServiceAddress,
  bridge,
  cgroupName,
  clusterDomain,
  nodeAddress,
  nodeName,
  podRange,
  ports,
  serviceRange,
} from './settings.ts'

/** In the order of their start; the last is ended first. */
export const componentNames = [
  'containerd',
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kubelet',
  'kube-proxy',
  'coredns',
  'volumes',
] as const

export type ComponentName = (typeof componentNames)[number]

export const place: Place = { pids: pidRoot, logs: state.logs, endWithParent: false }

/** The local cluster's credentials and components. Builds what is missing; makes credentials the first time. */
export async function describeCluster() {
  const credentials = await ensureCredentials(state.pki, [nodeAddress, apiServiceAddress, '127.0.0.1'])
  const ca = await readFile(credentials.ca, 'utf8')
  const access = (identity: Identity) => ({
    kubeconfigPath: join(state.config, `${identity}.kubeconfig`),
    kubeconfig: kubeconfig(apiServerUrl, ca, credentials.token(identity)),
  })
  const components: Record<ComponentName, () => Promise<Component>> = {
    containerd: async () =>
      containerd({
        program: await requireProgram('containerd'),
        ctr: await requireProgram('ctr'),
        configPath: join(state.config, 'containerd.toml'),
        root: state.containerd,
        state: containerdState,
        socket: containerdSocket,
        cni: {
          path: join(state.cni, '10-pillion.conflist'),
          list: podNetwork({ bridge, podRange, addresses: state.cniAddresses }),
        },
        sandboxImage: pauseImage,
      }),
    etcd: async () =>
      etcd({ program: await binary('etcd'), data: state.etcd, clientPort: ports.etcdClient, peerPort: ports.etcdPeer }),
    'kube-apiserver': async () =>
      kubeApiserver({
        program: await binary('kube-apiserver'),
        address: nodeAddress,
        port: ports.apiServer,
        etcdPort: ports.etcdClient,
        serviceRange,
        credentials,
        serviceAccounts: true,
      }),
    'kube-controller-manager': async () =>
      kubeControllerManager({
        program: await binary('kube-controller-manager'),
        port: ports.controllerManager,
        credentials,
        controllers: ['*'],
        ...access('kube-controller-manager'),
      }),
    'kube-scheduler': async () =>
      kubeScheduler({ program: await binary('kube-scheduler'), port: ports.scheduler, ...access('kube-scheduler') }),
    kubelet: async () =>
      kubelet({
        program: await binary('kubelet'),
        nodeName,
        address: nodeAddress,
        port: ports.kubelet,
        healthPort: ports.kubeletHealth,
        clusterDomain,
        clusterDns: nodeAddress,
        cgroupName,
        ca: credentials.ca,
        containerdSocket,
        root: state.kubelet,
        podLogs: state.podLogs,
        configPath: join(state.config, 'kubelet.yaml'),
        ...access('kubelet'),
      }),
    'kube-proxy': async () =>
      kubeProxy({
        program: await binary('kube-proxy'),
        nodeName,
        podRange,
        healthPort: ports.kubeProxyHealth,
        metricsPort: ports.kubeProxyMetrics,
        configPath: join(state.config, 'kube-proxy.yaml'),
        ...access('kube-proxy'),
      }),
    coredns: async () =>
      coredns({
        program: await binary('coredns'),
        address: nodeAddress,
        clusterDomain,
        readyPort: ports.corednsReady,
        configPath: join(state.config, 'Corefile'),
        ...access('coredns'),
      }),
    volumes: async () =>
      volumes({
        program: process.execPath,
        script: join(projectRoot, 'test/cluster/volumes/main.ts'),
        directory: state.volumes,
        nodeName,
        server: apiServerUrl,
        ca: credentials.ca,
        tokenPath: join(state.config, 'volumes.token'),
        token: credentials.token('volumes'),
        healthPort: ports.volumesHealth,
      }),
  }
  return { component: (name: ComponentName) => components[name](), admin: access('admin').kubeconfig }
}
