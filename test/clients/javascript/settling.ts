import { setTimeout as delay } from 'node:timers/promises'
import { type Checks, expect, expectAtLeast } from './check.ts'
import { numberOf, type Queue } from './queue.ts'

/** Longer than the visibility timeout of the Queues that are made for the checks. Milliseconds. */
const NAK_DELAY = 4000

/** Every answer that a consumer may give to a message, and none. */
export async function settling(checks: Checks, q: Queue): Promise<void> {
  await checks.run('ack', async () => {
    await q.publish(1, 'ack')
    const message = await q.next()
    expect('num_ack_pending', (await q.consumer.info()).num_ack_pending, 1)
    message.ack()
    await q.untilSettled()
    return 'settled'
  })

  await checks.run('double-ack', async () => {
    await q.publish(1, 'double-ack')
    const message = await q.next()
    expect('answered', await message.ackAck({ timeout: 10_000 }), true)
    await q.untilSettled()
    return 'answered'
  })

  await checks.run('nak', async () => {
    for (let n = 0; n < 2; n++) await q.publishOne('nak', n, { place: 0 })
    const first = await q.next()
    expect('body', first.string(), q.body('nak', 0))
    first.nak()
    const second = await q.next()
    second.ack()
    const third = await q.next()
    third.ack()
    const [again, other] = numberOf(second) === 0 ? [second, third] : [third, second]
    q.expectAgain(first, again)
    expect('the other', other.string(), q.body('nak', 1))
    // Where a failed message keeps its place, the other may come before it, meanwhile, or after it.
    if (q.traits.failed === 'blocks') expect('first', numberOf(second), 0)
    if (q.traits.failed === 'tail') expect('first', numberOf(second), 1)
    await q.untilSettled()
    return `delivered again: ${q.traits.failed}`
  })

  await checks.run('nak-delay', async () => {
    await q.publish(1, 'nak-delay')
    const first = await q.next()
    const started = performance.now()
    first.nak(NAK_DELAY)
    while (performance.now() - started < NAK_DELAY - 400) {
      const { num_pending, num_ack_pending } = await q.consumer.info()
      expect('num_pending + num_ack_pending meanwhile', num_pending + num_ack_pending, 1)
      await delay(200)
    }
    const second = await q.next()
    const waited = performance.now() - started
    second.ack()
    q.expectAgain(first, second)
    await q.untilSettled()
    expectAtLeast('the delay in ms', waited, NAK_DELAY - 100)
    return `delivered again after ${Math.round(waited)} ms`
  })

  await checks.run('in-progress', async () => {
    const { visibilityTimeout } = q
    await q.publish(1, 'in-progress')
    const message = await q.next()
    const other = q.fetch(1, Math.max(1000, 1.5 * visibilityTimeout))
    const started = performance.now()
    while (performance.now() - started < 1.5 * visibilityTimeout) {
      message.working()
      await delay(visibilityTimeout / 8)
    }
    expect('delivered meanwhile', (await other).length, 0)
    message.ack()
    await q.untilSettled()
    return `held for ${Math.round(performance.now() - started)} ms, visibility timeout ${visibilityTimeout} ms`
  })

  await checks.run('visibility-timeout', async () => {
    await q.publish(1, 'visibility-timeout')
    const first = await q.next()
    const started = performance.now()
    const second = await q.next()
    const waited = performance.now() - started
    second.ack()
    q.expectAgain(first, second)
    await q.untilSettled()
    expectAtLeast('the time in ms', waited, 0.9 * q.visibilityTimeout)
    return `unanswered, delivered again after ${Math.round(waited)} ms`
  })

  await checks.run('term', async () => {
    const deadLetters = `${q.name}_dlq`
    const before = await q.messagesOf(deadLetters)
    await q.publish(1, 'term')
    const message = await q.next()
    message.term('broken')
    await q.untilSettled()
    for (let tries = 0; (await q.messagesOf(deadLetters)) === before && tries < 100; tries++) await delay(100)
    expect('dead letters', (await q.messagesOf(deadLetters)) - before, 1)
    expect('delivered again', (await q.fetch(1, 1000)).length, 0)
    return 'dead-lettered, not delivered again'
  })
}
