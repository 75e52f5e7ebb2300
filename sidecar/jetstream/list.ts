import { AckPolicy, DeliverPolicy, type JsMsg } from '@nats-io/jetstream'
import type { JetStreamAccess } from './access.ts'

const BATCH = 2000
const NS_PER_MS = 1e6
/** A consumer that was left behind is removed by nats-server. Milliseconds. */
const FORGOTTEN_MS = 10_000

/** The messages of a stream with a subject, without their bodies, above `after`, to the end. */
export async function* listHeaders(
  { manager, client, timeoutMs }: JetStreamAccess,
  stream: string,
  filterSubject: string,
  after: number,
): AsyncGenerator<JsMsg, void, undefined> {
  const info = await manager.consumers.add(stream, {
    filter_subject: filterSubject,
    headers_only: true,
    ack_policy: AckPolicy.None,
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: after + 1,
    mem_storage: true,
    inactive_threshold: FORGOTTEN_MS * NS_PER_MS,
  })
  try {
    const consumer = await client.consumers.get(stream, info.name)
    let pending = info.num_pending
    while (pending > 0) {
      for await (const message of await consumer.fetch({
        max_messages: Math.min(BATCH, pending),
        expires: timeoutMs,
      })) {
        pending = message.info.pending
        yield message
      }
      if (pending > 0) pending = (await consumer.info()).num_pending
    }
  } finally {
    await manager.consumers.delete(stream, info.name).catch(() => undefined)
  }
}

/** The sequences of the messages with a subject that are in a stream, above `after` and up to `through`. */
export async function listSequences(
  js: JetStreamAccess,
  stream: string,
  filterSubject: string,
  { after, through }: { after: number; through: number },
): Promise<number[]> {
  const found: number[] = []
  if (through <= after) return found
  for await (const { seq } of listHeaders(js, stream, filterSubject, after)) {
    if (seq > through) return found
    found.push(seq)
  }
  return found
}
