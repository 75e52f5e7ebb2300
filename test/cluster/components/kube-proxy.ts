import { stringify } from 'yaml'
import type { Component } from '../component.ts'

export type KubeProxyOptions = {
  program: string
  nodeName: string
  podRange: string
  healthPort: number
  metricsPort: number
  configPath: string
  kubeconfigPath: string
  kubeconfig: string
}

/** The nftables mode keeps its rules in tables of its own, so that they can be taken away without a trace. */
export const kubeProxyTables = ['ip kube-proxy', 'ip6 kube-proxy']

export function kubeProxy(options: KubeProxyOptions): Component {
  const { program, healthPort, configPath, kubeconfigPath, kubeconfig } = options
  return {
    name: 'kube-proxy',
    command: [program, `--config=${configPath}`],
    files: { [configPath]: stringify(kubeProxyConfiguration(options)), [kubeconfigPath]: kubeconfig },
    probe: { url: `http://127.0.0.1:${healthPort}/healthz` },
  }
}

export function kubeProxyConfiguration(options: KubeProxyOptions): object {
  const { nodeName, podRange, healthPort, metricsPort, kubeconfigPath } = options
  return {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: 'nftables',
    clientConnection: { kubeconfig: kubeconfigPath },
    hostnameOverride: nodeName,
    clusterCIDR: podRange,
    healthzBindAddress: `127.0.0.1:${healthPort}`,
    metricsBindAddress: `127.0.0.1:${metricsPort}`,
    // Node ports answer on the bridge only, not on the machine's other addresses.
    nodePortAddresses: [podRange],
    // Zero: leave the machine's connection tracking as it is.
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
  }
}
