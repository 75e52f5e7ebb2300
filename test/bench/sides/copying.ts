import { join } from 'node:path'
import { startEmbedded } from '../../harness/embedded.ts'
import type { Durability } from '../row.ts'
import { queue } from './ours.ts'
import { startRaw } from './raw.ts'
import type { Side } from './side.ts'

/** A broker with three queues, to copy from one to two. */
export interface Copying {
  readonly name: Side['name']
  /** How a copy is made. */
  readonly how: 'transaction' | 'separate'
  start(folder: string, durability: Durability): Promise<{ readonly url: string; stop(): Promise<void> }>
}

const QUEUES = ['from', 'one', 'two'] as const

export const oursCopying: Copying = {
  name: 'ours',
  how: 'transaction',
  async start(folder, durability) {
    const manifests = QUEUES.map((name) => queue(name, durability, 'Fifo')).join('---\n')
    const embedded = await startEmbedded({ manifests, data: join(folder, 'ours') })
    return {
      url: embedded.url,
      stop: async () => {
        await embedded[Symbol.asyncDispose]()
      },
    }
  },
}

/** JetStream as it comes has no transactions: the same without one. */
export const rawCopying: Copying = {
  name: 'raw',
  how: 'separate',
  start: (folder, durability) => startRaw(folder, durability, QUEUES),
}
