import { DiscardPolicy, RetentionPolicy, StorageType } from '@nats-io/jetstream'
import type { z } from 'zod'
import type { JetStreamAccess } from './access.ts'
import type { WantedStream } from './desired.ts'
import { readAll } from './read.ts'

const READ_BATCH = 256

/**
 * A stream in which the broker keeps something of its own, the last word of each subject. Not a JetStream key-value bucket, whose
 * clients do not work past the subject mappings. Pure.
 */
export const lastWordStream = (name: string, ...subjects: string[]): WantedStream => ({
  name,
  subjects,
  storage: StorageType.File,
  retention: RetentionPolicy.Limits,
  discard: DiscardPolicy.Old,
  num_replicas: 1,
  max_msgs_per_subject: 1,
  allow_direct: true,
})

/**
 * What such a stream holds, oldest first. After a crash nats-server may bring back words that were replaced.
 *
 * @param onUnreadable told of what another version wrote and this one cannot read, which is left out
 */
export async function readWords<T>(
  js: JetStreamAccess,
  stream: string,
  schema: z.ZodType<T>,
  onUnreadable: (seq: number) => void,
): Promise<T[]> {
  const { first_seq: first, last_seq: last } = (await js.manager.streams.info(stream)).state
  const words: T[] = []
  for await (const message of readAll(js, stream, { first, last, batch: READ_BATCH })) {
    const parsed = schema.safeParse(message.json())
    if (parsed.success) words.push(parsed.data)
    else onUnreadable(message.seq)
  }
  return words
}
