import { setTimeout as delay } from 'node:timers/promises'
import { type JsMsg, jetstream } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { type Checks, expect, expectAtLeast, say } from './check.ts'
import { numberOf, type Queue } from './queue.ts'

/** Makes a connection that whoever runs this program can cut. */
type Connect = (how: { reconnect: boolean }) => Promise<NatsConnection>

/** Consumers whose connections break. */
export async function leaving(checks: Checks, q: Queue, connect: Connect): Promise<void> {
  await checks.run('vanish', async () => {
    await q.publish(2, 'vanish')
    const held: JsMsg[] = []
    const holds = Math.min(2, q.traits.inFlight)
    const gone = await connect({ reconnect: false })
    const vanishing = await jetstream(gone).consumers.get(q.name, q.group)
    const enough = Promise.withResolvers<void>()
    await vanishing.consume({
      max_messages: 50,
      expires: 60_000,
      callback: (message) => {
        held.push(message)
        if (held.length === holds) enough.resolve()
      },
    })
    await Promise.race([enough.promise, delay(60_000)])
    expect('messages held', held.length, holds)
    const heldAt = performance.now()
    say({ cut: true })
    await gone.closed()
    await q.publish(2, 'vanish', { from: 2 })
    const came: Array<{ n: number; at: number; message: JsMsg }> = []
    const surviving = await q.consumer.consume({
      expires: 3000,
      idle_heartbeat: 1000,
      callback: (message) => {
        message.ack()
        came.push({ n: numberOf(message), at: performance.now() - heldAt, message })
      },
    })
    for (let tries = 0; came.length < 4 && tries < 600; tries++) await delay(100)
    surviving.stop()
    const numbers = came.map(({ n }) => n)
    expect(
      'messages',
      numbers.toSorted((a, b) => a - b),
      [0, 1, 2, 3],
    )
    for (const { n, at, message } of came) {
      const first = held.find((one) => numberOf(one) === n)
      if (first === undefined) expect(`count of ${n}`, message.info.deliveryCount, 1)
      else {
        q.expectAgain(first, message)
        expectAtLeast(`the time in ms until ${n} came again`, at, 0.9 * q.visibilityTimeout)
      }
    }
    if (q.traits.vanishedFirst) expect('the first', numbers.slice(0, holds), held.map(numberOf))
    await q.untilSettled()
    return came.map(({ n, at }) => `${n} after ${Math.round(at)} ms`).join(', ')
  })

  await checks.run('reconnect', async () => {
    const connection = await connect({ reconnect: true })
    const came: JsMsg[] = []
    const consumer = await jetstream(connection).consumers.get(q.name, q.group)
    await consumer.consume({
      expires: 3000,
      idle_heartbeat: 1000,
      callback: (message) => {
        message.ack()
        came.push(message)
      },
    })
    const until = async (count: number): Promise<void> => {
      for (let tries = 0; came.length < count && tries < 600; tries++) await delay(100)
      expect(
        'messages',
        came.map(numberOf),
        Array.from({ length: count }, (_, n) => n),
      )
      await q.untilSettled()
    }
    for (let n = 0; n < 2; n++) await q.publishOne('reconnect', n, { place: 0 })
    await until(2)
    const reconnected = untilReconnected(connection)
    say({ cut: true })
    await reconnected
    const started = performance.now()
    for (let n = 2; n < 5; n++) await q.publishOne('reconnect', n, { place: 0 })
    await until(5)
    const waited = performance.now() - started
    await connection.close()
    return `goes on ${Math.round(waited)} ms after a publish`
  })
}

async function untilReconnected(connection: NatsConnection): Promise<void> {
  for await (const { type } of connection.status()) if (type === 'reconnect') return
}
