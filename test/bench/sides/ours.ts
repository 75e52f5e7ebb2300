import { join } from 'node:path'
import { stringify } from 'yaml'
import { API_VERSION } from '../../../crds/index.ts'
import { startEmbedded } from '../../harness/embedded.ts'
import { BENCH_MODES, type BenchModeName } from '../modes.ts'
import type { Durability } from '../row.ts'
import { firstChild } from '../../harness/cpu.ts'
import { groupNames, type Side, SYNC_INTERVAL } from './side.ts'

/** Pillion in embedded mode: nats-server and sidecar as two processes, as in a broker pod. */
export const ours: Side = {
  name: 'ours',
  async start(folder, durability, mode, groups = 1) {
    const consumers = groupNames(groups)
    const manifests = queue('bench', durability, mode, consumers)
    const embedded = await startEmbedded({ manifests, data: join(folder, 'ours') })
    return {
      url: embedded.url,
      stream: 'bench',
      consumer: consumers[0],
      consumers,
      subject: BENCH_MODES[mode].subject,
      sidecarPid: embedded.pid,
      serverPid: await firstChild(embedded.pid),
      stop: async () => {
        await embedded[Symbol.asyncDispose]()
      },
    }
  },
}

/** The manifest of a Queue to measure. */
export const queue = (
  name: string,
  durability: Durability,
  mode: BenchModeName,
  groups: readonly string[] = groupNames(1),
): string =>
  stringify({
    apiVersion: API_VERSION,
    kind: 'Queue',
    metadata: { name },
    spec: {
      ...BENCH_MODES[mode].spec,
      consumerGroups: groups.map((group) => ({ name: group })),
      // What is waiting is not to be near a limit, where settled messages leave the stream in another way.
      retention: { maxMessages: 100_000_000, maxBytes: '7Gi' },
      broker: { durability, ...(durability === 'Interval' ? { syncInterval: SYNC_INTERVAL } : {}) },
    },
  })
