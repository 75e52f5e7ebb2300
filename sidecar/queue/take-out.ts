import type { QueueState } from './state.ts'

/** Takes messages out of the stream whose ends were given to the settler: on record before they are gone. Throws where that is not known. */
export async function takeOut(q: QueueState, sequences: readonly number[]): Promise<void> {
  await q.settler.onRecord()
  await q.streamLock.run(async () => {
    for (const sequence of sequences) await q.settler.purger.deleteMessage(sequence)
  })
}
