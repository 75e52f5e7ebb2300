import { dirname } from 'node:path'
import type { Component } from '../component.ts'
import type { Credentials } from '../pki.ts'

export type ControllerManagerOptions = {
  program: string
  port: number
  kubeconfigPath: string
  kubeconfig: string
  credentials: Credentials
  /** Names of controllers as `--controllers` takes them; `*` for the default set. */
  controllers: string[]
}

export function kubeControllerManager(options: ControllerManagerOptions): Component {
  const { program, port, kubeconfigPath, kubeconfig, credentials, controllers } = options
  return {
    name: 'kube-controller-manager',
    command: [
      program,
      `--kubeconfig=${kubeconfigPath}`,
      '--bind-address=127.0.0.1',
      `--secure-port=${port}`,
      `--controllers=${controllers.join(',')}`,
      '--leader-elect=false',
      '--use-service-account-credentials=true',
      `--service-account-private-key-file=${credentials.serviceAccount.privateKey}`,
      `--root-ca-file=${credentials.ca}`,
      // Made at start; by default in /usr/libexec.
      `--flex-volume-plugin-dir=${dirname(kubeconfigPath)}/volume-plugins`,
      '--profiling=false',
    ],
    files: { [kubeconfigPath]: kubeconfig },
    probe: { url: `https://127.0.0.1:${port}/healthz` },
  }
}
