import type { Component } from '../component.ts'

export type CorednsOptions = {
  program: string
  address: string
  clusterDomain: string
  readyPort: number
  configPath: string
  kubeconfigPath: string
  kubeconfig: string
}

export function coredns(options: CorednsOptions): Component {
  const { program, readyPort, configPath, kubeconfigPath, kubeconfig } = options
  return {
    name: 'coredns',
    command: [program, '-conf', configPath],
    files: { [configPath]: corefile(options), [kubeconfigPath]: kubeconfig },
    probe: { url: `http://127.0.0.1:${readyPort}/ready` },
  }
}

/** Pods have no way out of the machine, so a name outside the cluster is answered at once: there is none. */
export function corefile({ address, clusterDomain, readyPort, kubeconfigPath }: CorednsOptions): string {
  return `${clusterDomain} in-addr.arpa {
  bind ${address}
  errors
  ready 127.0.0.1:${readyPort}
  kubernetes ${clusterDomain} in-addr.arpa {
    kubeconfig ${kubeconfigPath}
    ttl 5
  }
}

. {
  bind ${address}
  errors
  template ANY ANY {
    rcode NXDOMAIN
  }
}
`
}
