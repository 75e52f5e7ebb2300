import { createInbox, type Msg } from '@nats-io/transport-node'
import { type Checks, expect, expectAtLeast } from './check.ts'
import type { Queue } from './queue.ts'

/** How pulls end that do not get all that they ask for. */
export async function waiting(checks: Checks, q: Queue): Promise<void> {
  await checks.run('no-wait-empty', async () => {
    const { messages, end } = await pullNoWait(q, 5)
    expect('messages', messages.length, 0)
    return end
  })

  await checks.run('no-wait', async () => {
    await q.publish(3, 'no-wait')
    const count = Math.min(3, q.traits.inFlight)
    const { messages, end } = await pullNoWait(q, 5)
    expect('messages', messages.length, count)
    for (const message of messages) message.respond('+ACK')
    await q.take(3 - count)
    await q.untilSettled()
    return `${count} of 5, then ${end}`
  })

  await checks.run('expires-empty', async () => {
    const started = performance.now()
    expect('messages', (await q.fetch(5, 2000)).length, 0)
    const waited = performance.now() - started
    expectAtLeast('the time in ms', waited, 1800)
    return `ended after ${Math.round(waited)} ms`
  })

  await checks.run('expires-partial', async () => {
    await q.publish(3, 'expires-partial')
    const count = Math.min(3, q.traits.inFlight)
    const messages = await q.fetch(10, 2000)
    expect('messages', messages.length, count)
    for (const message of messages) message.ack()
    messages.push(...(await q.take(3 - count)))
    q.expectOrder(messages, 3)
    await q.untilSettled()
    return `${count} of 10, then ended`
  })
}

/** A pull that does not wait, for which this client has no call: what came, and the status that ended it within ten seconds. */
async function pullNoWait(
  { connection, name, group }: Queue,
  batch: number,
): Promise<{ readonly messages: Msg[]; readonly end: string }> {
  const inbox = createInbox()
  const subscription = connection.subscribe(inbox)
  const timer = setTimeout(() => subscription.unsubscribe(), 10_000)
  const pull = JSON.stringify({ batch, no_wait: true })
  connection.publish(`$JS.API.CONSUMER.MSG.NEXT.${name}.${group}`, pull, { reply: inbox })
  const messages: Msg[] = []
  let end = 'no end'
  for await (const answer of subscription) {
    const { code = 0, description = '' } = answer.headers ?? {}
    if (code > 0) {
      end = `${code} ${description}`
      break
    }
    messages.push(answer)
  }
  clearTimeout(timer)
  // Clients take both as "no more for now".
  if (!['404 No Messages', '408 Request Timeout'].includes(end))
    throw new Error(`${messages.length} messages, then ${end}`)
  return { messages, end }
}
