import { homedir } from 'node:os'
import { join } from 'node:path'

/** The project's own folder. */
export const projectRoot = join(import.meta.dirname, '..', '..')

/** Where binaries and images are kept between runs, each in a folder named after its version. */
export const cacheRoot = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'pillion')

/** Image storage of our own, kept between runs with the other caches. */
export const buildahRoot = join(cacheRoot, 'buildah')

/** Everything that the cluster stores: etcd, containers, volumes, logs. One cluster a machine, whichever clone started it. */
export const stateRoot = '/var/lib/pillion-cluster'

/** Sockets and pid files. Short, since a Unix socket's path has at most 107 bytes. */
export const runRoot = '/run/pillion-cluster'

/** In the work tree: what a person uses to reach the cluster. */
export const clientRoot = join(projectRoot, '.cluster')
export const kubeconfigPath = join(clientRoot, 'kubeconfig')

/** Inside the state folder. */
export const state = {
  before: join(stateRoot, 'before.json'),
  pki: join(stateRoot, 'pki'),
  etcd: join(stateRoot, 'etcd'),
  config: join(stateRoot, 'config'),
  logs: join(stateRoot, 'logs'),
  podLogs: join(stateRoot, 'pod-logs'),
  cni: join(stateRoot, 'cni'),
  cniAddresses: join(stateRoot, 'cni-addresses'),
  containerd: join(stateRoot, 'containerd'),
  kubelet: join(stateRoot, 'kubelet'),
  volumes: join(stateRoot, 'volumes'),
  images: join(stateRoot, 'images.json'),
}

export const pidRoot = join(runRoot, 'pids')
export const containerdState = join(runRoot, 'containerd')
export const containerdSocket = join(runRoot, 'containerd.sock')
