import { AckPolicy, DeliverPolicy } from '@nats-io/jetstream'
import type { JetStreamAccess } from './access.ts'

const BATCH = 5000
const NS_PER_MS = 1e6
/** Should we crash half way, nats-server removes the consumer. Milliseconds. */
const FORGOTTEN_MS = 10_000

/** The sequences of the messages with a subject that are in a stream, above `after` and up to `through`; bodies are not read. */
export async function listSequences(
  js: JetStreamAccess,
  stream: string,
  filterSubject: string,
  { after, through }: { after: number; through: number },
): Promise<number[]> {
  const found: number[] = []
  if (through <= after) return found
  const info = await js.manager.consumers.add(stream, {
    filter_subject: filterSubject,
    headers_only: true,
    ack_policy: AckPolicy.None,
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: after + 1,
    mem_storage: true,
    inactive_threshold: FORGOTTEN_MS * NS_PER_MS,
  })
  try {
    const consumer = await js.client.consumers.get(stream, info.name)
    let pending = info.num_pending
    while (pending > 0) {
      for await (const message of await consumer.fetch({
        max_messages: Math.min(BATCH, pending),
        expires: js.timeoutMs,
      })) {
        if (message.seq > through) return found
        found.push(message.seq)
        pending = message.info.pending
      }
      if (pending > 0) pending = (await consumer.info()).num_pending
    }
    return found
  } finally {
    await js.manager.consumers.delete(stream, info.name)
  }
}
