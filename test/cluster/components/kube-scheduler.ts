import type { Component } from '../component.ts'

export type SchedulerOptions = { program: string; port: number; kubeconfigPath: string; kubeconfig: string }

export function kubeScheduler({ program, port, kubeconfigPath, kubeconfig }: SchedulerOptions): Component {
  return {
    name: 'kube-scheduler',
    command: [
      program,
      `--kubeconfig=${kubeconfigPath}`,
      '--bind-address=127.0.0.1',
      `--secure-port=${port}`,
      '--leader-elect=false',
      '--profiling=false',
    ],
    files: { [kubeconfigPath]: kubeconfig },
    probe: { url: `https://127.0.0.1:${port}/healthz` },
  }
}
