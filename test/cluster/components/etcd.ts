import type { Component } from '../component.ts'

export type EtcdOptions = { program: string; data: string; clientPort: number; peerPort: number }

/** The one etcd member, on loopback. Its data needs to survive a kill, not a power loss, so it does not sync to disk. */
export function etcd({ program, data, clientPort, peerPort }: EtcdOptions): Component {
  const client = `http://127.0.0.1:${clientPort}`
  const peer = `http://127.0.0.1:${peerPort}`
  return {
    name: 'etcd',
    command: [
      program,
      '--name=pillion',
      `--data-dir=${data}`,
      `--listen-client-urls=${client}`,
      `--advertise-client-urls=${client}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=pillion=${peer}`,
      '--unsafe-no-fsync',
      '--snapshot-count=10000',
      '--auto-compaction-retention=5m',
      '--quota-backend-bytes=2147483648',
      '--log-level=warn',
    ],
    probe: { url: `${client}/health` },
  }
}
