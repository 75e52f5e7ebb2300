import { jetstream } from '@nats-io/jetstream'
import { type Command, only, whole } from '../command.ts'
import { connected } from '../nats.ts'

/** Short, so that a broker that was restarted is asked again in seconds. Milliseconds. */
const CONSUMING = { expires: 3000, idle_heartbeat: 1000 }
/** With --once: until it is believed that there is no message. Milliseconds. */
const ONCE_MS = 1000

export const consume: Command = {
  name: 'consume',
  usage: '<queue> [--group <group>] [--count <n>] [--once]',
  summary: 'prints and acknowledges messages as they come; --once: what is there',
  options: { group: { type: 'string' }, count: { type: 'string' }, once: { type: 'boolean' } },
  async run(invocation) {
    const { text, flag, print, signal, natsUrl } = invocation
    const queue = only(invocation, 'the name of the queue')
    const most = whole(invocation, 'count') ?? Number.POSITIVE_INFINITY
    return connected(natsUrl(), async (connection) => {
      const consumer = await jetstream(connection)
        .consumers.get(queue, text('group') ?? 'workers')
        .catch((error: unknown) => {
          const reason = error instanceof Error ? error.message : String(error)
          throw new Error(`queue ${queue} has no such group (${reason}); see pillion describe ${queue}`, {
            cause: error,
          })
        })
      for (let count = 0; count < most && !signal.aborted; count++) {
        const message = await consumer.next({ expires: flag('once') ? ONCE_MS : CONSUMING.expires })
        if (message === null) {
          if (flag('once')) break
          count--
          continue
        }
        const body = message.string()
        print(body, { sequence: message.seq, subject: message.subject, attempt: message.info.deliveryCount, body })
        await message.ackAck()
      }
      return 0
    })
  },
}
