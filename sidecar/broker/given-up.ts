import { DiscardPolicy, RetentionPolicy, StorageType } from '@nats-io/jetstream'
import type { Logger } from 'pino'
import { z } from 'zod'
import { GIVEN_UP_STREAM, GIVEN_UP_SUBJECT } from '../../crds/protocol/subjects.ts'
import type { JetStreamAccess } from '../jetstream/access.ts'
import { ensureStream } from '../jetstream/ensure.ts'
import { readAll } from '../jetstream/read.ts'

/** Hints are only read while they matter; a hole whose hint is gone is found by counting. */
const KEEP_MS = 24 * 60 * 60_000
const NS_PER_MS = 1e6
const READ_BATCH = 256

const advisorySchema = z.object({
  stream: z.string(),
  consumer: z.string(),
  stream_seq: z.int(),
  deliveries: z.int(),
})

/** A message that JetStream gave up after its last delivery. */
export interface GivenUp {
  readonly stream: string
  readonly consumer: string
  readonly sequence: number
  readonly attempts: number
}

/**
 * Reads JetStream's hints that messages were given up, oldest first, those from before a restart included, and forgets them once
 * `handle` is done with them. Makes the stream that keeps them where it is not there.
 */
export async function readGivenUp(
  js: JetStreamAccess,
  logger: Logger,
  handle: (hint: GivenUp) => Promise<void>,
): Promise<void> {
  const { info } = await ensureStream(js.manager, {
    name: GIVEN_UP_STREAM,
    subjects: [GIVEN_UP_SUBJECT],
    storage: StorageType.File,
    retention: RetentionPolicy.Limits,
    discard: DiscardPolicy.Old,
    num_replicas: 1,
    max_age: KEEP_MS * NS_PER_MS,
    max_msgs: 100_000,
    allow_direct: true,
  })
  const { first_seq: first, last_seq: last } = info.state
  let done = 0
  for await (const message of readAll(js, GIVEN_UP_STREAM, { first, last, batch: READ_BATCH })) {
    const advisory = advisorySchema.safeParse(message.json())
    if (advisory.success) {
      const { stream, consumer, stream_seq: sequence, deliveries: attempts } = advisory.data
      await handle({ stream, consumer, sequence, attempts })
    } else {
      logger.warn({ seq: message.seq }, 'a given-up advisory could not be read')
    }
    done = message.seq
  }
  if (done > 0) await js.manager.streams.purge(GIVEN_UP_STREAM, { seq: done + 1 })
}
