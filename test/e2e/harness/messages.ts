import { type JsMsg, jetstream } from '@nats-io/jetstream'
import { connectTo } from './broker.ts'
import type { Namespace } from './namespace.ts'

/** Publishes bodies to a Queue as a stock client does, each stored before the next. */
export async function publish(
  namespace: Namespace,
  queue: string,
  bodies: readonly string[],
  broker: string = queue,
): Promise<void> {
  const connection = await connectTo(namespace, broker)
  try {
    const js = jetstream(connection)
    for (const body of bodies) await js.publish(`q.${queue}`, body)
  } finally {
    await connection.close()
  }
}

/** Numbered bodies: `<word> 1`, `<word> 2`, … */
export const bodies = (word: string, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${word} ${i + 1}`)

export interface TakeOptions {
  readonly broker?: string
  /** What to do with each; acknowledges, and waits for the answer, by default. */
  readonly settle?: (message: JsMsg) => Promise<unknown> | void
  /** Milliseconds to wait for messages that are not there. */
  readonly expires?: number
}

/** Fetches up to `max` messages of group workers in one pull; gives their bodies. */
export async function take(
  namespace: Namespace,
  queue: string,
  max: number,
  { broker = queue, settle = (message) => message.ackAck(), expires = 5000 }: TakeOptions = {},
): Promise<string[]> {
  const connection = await connectTo(namespace, broker)
  try {
    const group = await jetstream(connection).consumers.get(queue, 'workers')
    const taken: string[] = []
    for await (const message of await group.fetch({ max_messages: max, expires })) {
      taken.push(message.string())
      await settle(message)
    }
    await connection.flush()
    return taken
  } finally {
    await connection.close()
  }
}
