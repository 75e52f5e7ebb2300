import { join } from 'node:path'
import { stringify } from 'yaml'
import { API_VERSION } from '../../../crds/index.ts'
import { startEmbedded } from '../../harness/embedded.ts'
import type { Durability } from '../row.ts'
import { type Side, SYNC_INTERVAL } from './side.ts'

/** Pillion in embedded mode: nats-server and sidecar as two processes, as in a broker pod. */
export const ours: Side = {
  name: 'ours',
  async start(folder, durability) {
    const embedded = await startEmbedded({ manifests: queue('bench', durability), data: join(folder, 'ours') })
    return {
      url: embedded.url,
      stream: 'bench',
      consumer: 'workers',
      subject: 'q.bench',
      stop: async () => {
        await embedded[Symbol.asyncDispose]()
      },
    }
  },
}

const queue = (name: string, durability: Durability): string =>
  stringify({
    apiVersion: API_VERSION,
    kind: 'Queue',
    metadata: { name },
    spec: {
      ordering: { mode: 'Fifo' },
      broker: { durability, ...(durability === 'Interval' ? { syncInterval: SYNC_INTERVAL } : {}) },
    },
  })
