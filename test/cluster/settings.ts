/**
 * The one node and its network. The ranges are seldom used by others; nothing of them leaves the machine.
 */
export const nodeName = 'pillion'
export const bridge = 'pillion0'
/** The bridge's address: gateway of the pods, address of the node, of the API server and of cluster DNS. */
export const nodeAddress = '10.87.0.1'
export const podRange = '10.87.0.0/24'
export const serviceRange = '10.88.0.0/16'
/** The first address of the Service range, which Kubernetes gives to the Service `kubernetes`. */
export const apiServiceAddress = '10.88.0.1'
export const clusterDomain = 'cluster.local'
/** Parent of every pod's control group, so that they can be told from those of another kubelet. */
export const cgroupName = 'pillion-cluster'

export const ports = {
  apiServer: 6443,
  etcdClient: 10240,
  etcdPeer: 10241,
  kubelet: 10250,
  kubeletHealth: 10248,
  kubeProxyMetrics: 10249,
  kubeProxyHealth: 10256,
  controllerManager: 10257,
  scheduler: 10259,
  corednsReady: 10261,
  volumesHealth: 10262,
} as const

export const apiServerUrl = `https://${nodeAddress}:${ports.apiServer}`
