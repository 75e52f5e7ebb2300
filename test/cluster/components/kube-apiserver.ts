import type { Component } from '../component.ts'
import type { Credentials } from '../pki.ts'

export type ApiServerOptions = {
  program: string
  address: string
  port: number
  etcdPort: number
  serviceRange: string
  credentials: Credentials
  /** Without a controller manager there are no service accounts, which pods would be refused for. */
  serviceAccounts: boolean
}

export function kubeApiserver(options: ApiServerOptions): Component {
  const { program, address, port, etcdPort, serviceRange, credentials, serviceAccounts } = options
  return {
    name: 'kube-apiserver',
    command: [
      program,
      `--bind-address=${address}`,
      `--advertise-address=${address}`,
      `--secure-port=${port}`,
      `--etcd-servers=http://127.0.0.1:${etcdPort}`,
      `--service-cluster-ip-range=${serviceRange}`,
      `--tls-cert-file=${credentials.serving.certificate}`,
      `--tls-private-key-file=${credentials.serving.key}`,
      `--token-auth-file=${credentials.tokenFile}`,
      '--anonymous-auth=false',
      '--authorization-mode=Node,RBAC',
      '--enable-admission-plugins=NodeRestriction',
      ...(serviceAccounts ? [] : ['--disable-admission-plugins=ServiceAccount']),
      '--allow-privileged=true',
      '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
      `--service-account-key-file=${credentials.serviceAccount.publicKey}`,
      `--service-account-signing-key-file=${credentials.serviceAccount.privateKey}`,
      `--kubelet-client-certificate=${credentials.kubeletClient.certificate}`,
      `--kubelet-client-key=${credentials.kubeletClient.key}`,
      '--kubelet-preferred-address-types=InternalIP',
      // Zero, the default, would wait for a minute for watches that do not end by themselves.
      '--shutdown-watch-termination-grace-period=1s',
      '--profiling=false',
    ],
    probe: { url: `https://${address}:${port}/readyz`, token: credentials.token('admin') },
  }
}
