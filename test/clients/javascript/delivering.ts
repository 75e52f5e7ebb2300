import { setTimeout as delay } from 'node:timers/promises'
import { JetStreamApiError, type JsMsg } from '@nats-io/jetstream'
import { type Checks, expect, expectAtLeast } from './check.ts'
import type { Queue } from './queue.ts'

/** Publishing, info, and every style of consuming. */
export async function delivering(checks: Checks, q: Queue): Promise<void> {
  const { consumer, traits } = q

  await checks.run('unknown-group', async () => {
    try {
      await q.js.consumers.get(q.name, 'nobody')
    } catch (error) {
      expect('the code', error instanceof JetStreamApiError ? error.code : error, 10014)
      return 'consumer not found'
    }
    throw new Error('a group that is not there was opened')
  })

  await checks.run('publish', async () => {
    let last = 0
    for (let n = 0; n < 10; n++) {
      const ack = await q.publishOne('publish', n)
      expect('stream', ack.stream, q.name)
      expect('duplicate', ack.duplicate, false)
      expectAtLeast('seq', ack.seq, last + 1)
      last = ack.seq
    }
    return `10 acknowledged, the last with sequence ${last}`
  })

  await checks.run('publish-duplicate', async () => {
    const ack = await q.publishOne('publish', 9)
    expect('duplicate', ack.duplicate, true)
    return `duplicate of ${ack.seq}`
  })

  await checks.run('publish-refused', async () => {
    const subject = traits.refused.replace('{queue}', q.name)
    try {
      await q.js.publish(subject, 'nowhere')
    } catch (error) {
      return `${subject}: ${error instanceof Error ? error.message : String(error)}`
    }
    throw new Error(`a publish to ${subject} was acknowledged`)
  })

  await checks.run('info-pending', async () => {
    // A sub-queue that appears counts from when it has its lane.
    for (let tries = 0; (await consumer.info()).num_pending !== 10 && tries < 100; tries++) await delay(100)
    expect('num_pending', (await consumer.info()).num_pending, 10)
    return '10 to be delivered'
  })

  const fetched: JsMsg[] = []
  await checks.run('fetch', async () => {
    const count = Math.min(4, traits.inFlight)
    fetched.push(...(await q.fetch(4)))
    expect('messages', fetched.length, count)
    q.expectOrder(fetched, 10)
    for (const message of fetched) {
      const n = Number(message.headers?.get('Trace').slice(1))
      expect('body', message.string(), q.body('publish', n))
      expect('header Nats-Msg-Id', message.headers?.get('Nats-Msg-Id'), message.string())
      expect('subject', message.subject, q.stored(n))
      expect('count', message.info.deliveryCount, 1)
    }
    const info = await consumer.info()
    expect('num_ack_pending', info.num_ack_pending, count)
    expect('num_pending', info.num_pending, 10 - count)
    for (const message of fetched) message.ack()
    return `${count} of 10, in order`
  })

  await checks.run('consume', async () => {
    const consumed = [...fetched]
    const messages = await consumer.consume({ max_messages: 3, expires: 5000, idle_heartbeat: 1000 })
    const timer = setTimeout(() => messages.stop(), 60_000)
    for await (const message of messages) {
      consumed.push(message)
      message.ack()
      if (consumed.length === 10) break
    }
    clearTimeout(timer)
    expect('messages', consumed.length, 10)
    q.expectOrder(consumed, 10)
    await q.untilSettled()
    return 'the others, in order; nothing left'
  })

  await checks.run('consume-waits', async () => {
    const first = Promise.withResolvers<string>()
    const messages = await consumer.consume({
      expires: 2000,
      idle_heartbeat: 1000,
      callback: (message) => {
        message.ack()
        first.resolve(message.string())
      },
    })
    await delay(3000)
    await q.publish(1, 'consume-waits')
    expect('body', await Promise.race([first.promise, delay(20_000, 'nothing')]), q.body('consume-waits', 0))
    messages.stop()
    await q.untilSettled()
    return 'a pull that was renewed on an empty queue gets what comes later'
  })

  await checks.run('consume-heartbeats', async () => {
    const missed: string[] = []
    const messages = await consumer.consume({
      expires: 10_000,
      idle_heartbeat: 1000,
      callback: (message) => message.ack(),
    })
    const watching = (async () => {
      for await (const { type } of messages.status()) if (type === 'heartbeats_missed') missed.push(type)
    })()
    await delay(3500)
    messages.stop()
    await messages.close()
    await watching
    expect('missed', missed, [])
    return 'none missed in 3.5 s of a pull on an empty queue'
  })

  await checks.run('next', async () => {
    for (let n = 0; n < 2; n++) {
      await q.publish(1, 'next', { from: n })
      const message = await q.next()
      expect('body', message.string(), q.body('next', n))
      message.ack()
    }
    await q.untilSettled()
    expect('next of an empty queue', await consumer.next({ expires: 1000 }), null)
    return 'one at a time; null when there is none'
  })
}
