import { stringify } from 'yaml'
import type { Component } from '../component.ts'

export type KubeletOptions = {
  program: string
  nodeName: string
  address: string
  port: number
  healthPort: number
  clusterDomain: string
  clusterDns: string
  cgroupName: string
  ca: string
  containerdSocket: string
  root: string
  podLogs: string
  configPath: string
  kubeconfigPath: string
  kubeconfig: string
}

export function kubelet(options: KubeletOptions): Component {
  const { program, nodeName, address, healthPort, root, configPath, kubeconfigPath, kubeconfig } = options
  return {
    name: 'kubelet',
    command: [
      program,
      `--config=${configPath}`,
      `--kubeconfig=${kubeconfigPath}`,
      `--hostname-override=${nodeName}`,
      `--node-ip=${address}`,
      `--root-dir=${root}`,
      `--cert-dir=${root}/pki`,
    ],
    files: { [configPath]: stringify(kubeletConfiguration(options)), [kubeconfigPath]: kubeconfig },
    probe: { url: `http://127.0.0.1:${healthPort}/healthz` },
  }
}

/**
 * Nothing is evicted and no image is collected for lack of disk: the machine's disk is not the cluster's, and an image
 * that was collected could not be pulled again.
 */
export function kubeletConfiguration(options: KubeletOptions): object {
  const { address, port, healthPort, clusterDomain, clusterDns, cgroupName, ca, containerdSocket, root, podLogs } =
    options
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address,
    port,
    healthzBindAddress: '127.0.0.1',
    healthzPort: healthPort,
    authentication: { anonymous: { enabled: false }, webhook: { enabled: true }, x509: { clientCAFile: ca } },
    authorization: { mode: 'Webhook' },
    containerRuntimeEndpoint: `unix://${containerdSocket}`,
    volumePluginDir: `${root}/volume-plugins`,
    podLogsDir: podLogs,
    clusterDomain,
    clusterDNS: [clusterDns],
    // Search domains of the machine have no place in pods.
    resolvConf: '',
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${cgroupName}`,
    failCgroupV1: false,
    failSwapOn: false,
    makeIPTablesUtilChains: false,
    // How soon at the latest a pod sees a Secret or a volume that grew; a minute by default.
    syncFrequency: '10s',
    imageGCHighThresholdPercent: 100,
    evictionHard: {
      'imagefs.available': '0%',
      'imagefs.inodesFree': '0%',
      'nodefs.available': '0%',
      'nodefs.inodesFree': '0%',
    },
    // Faults are part of the tests: a container that crashed comes back within seconds, as it first would anyway.
    crashLoopBackOff: { maxContainerRestartPeriod: '10s' },
    shutdownGracePeriod: '0s',
  }
}
