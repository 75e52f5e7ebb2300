import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, type Puller, type QueueInput, TestBroker } from './harness.ts'

let broker: TestBroker
let number = 0

beforeAll(async () => {
  broker = await TestBroker.start()
})
afterAll(() => broker?.[Symbol.asyncDispose]())

async function newQueue(spec: QueueInput = {}): Promise<string> {
  const queue = `lru${++number}`
  await broker.api.put(queue, { ordering: { mode: 'Lru' }, ...spec })
  return queue
}

/** Publishes `<key> <n>` for each key given, in turn. */
async function publish(queue: string, ...keys: string[]): Promise<void> {
  const js = await broker.js()
  for (const [n, key] of keys.entries()) await js.publish(`q.${queue}.${key}`, `${key} ${n}`)
}

async function takeAndSettle(puller: Puller, count: number): Promise<string[]> {
  const got = await puller.take(count)
  for (const message of got) expect(await message.settle()).toBe('')
  return got.map(({ text }) => text)
}

const empty = (queue: string): Promise<void> =>
  eventually(async () => {
    expect((await broker.api.get(queue)).messages).toMatchObject({ ready: 0, inFlight: 0 })
    expect((await broker.admin.stream(queue)).state.messages).toBe(0)
  })

const noWait = { backoff: { initial: '0s' } }

describe('Lru', () => {
  it('delivers first what was touched longest ago; the same key again replaces the body and moves to the tail', async () => {
    const queue = await newQueue()
    await publish(queue, 'a', 'b', 'c', 'a', 'd', 'b')
    expect(await takeAndSettle(await broker.puller(queue), 4)).toEqual(['c 2', 'a 3', 'd 4', 'b 5'])
    await empty(queue)
  })

  it('moves what failed to the tail, and dead-letters it after the last attempt', async () => {
    const queue = await newQueue({ retry: { ...noWait, maxAttempts: 3 } })
    await publish(queue, 'a', 'b', 'c')
    const puller = await broker.puller(queue)
    const order: string[] = []
    for (let n = 0; n < 7; n++) {
      const message = await puller.one()
      order.push(message.text)
      await message.settle(message.text === 'a 0' ? '-NAK' : n < 3 ? '-NAK' : '+ACK')
      // A move is over when the copy is there.
      await eventually(async () =>
        expect((await broker.admin.stream(queue)).state.last_seq).toBeGreaterThan(3 + Math.min(n, 2)),
      )
      if (message.text === 'a 0' && order.filter((text) => text === 'a 0').length === 3) break
    }
    expect(order).toEqual(['a 0', 'b 1', 'c 2', 'a 0', 'b 1', 'c 2', 'a 0'])
    await eventually(async () => expect((await broker.admin.deadLetters(queue)).length).toBe(1))
    const [letter] = await broker.admin.deadLetters(queue)
    expect(letter?.headers).toMatchObject({ 'Pillion-Dead-Letter-Attempts': '3' })
    expect(letter?.headers).not.toHaveProperty('Pillion-Dead-Letter-Msg-Id')
    await empty(queue)
  })

  it('moves what nobody answered to the tail', async () => {
    const queue = await newQueue({ retry: { visibilityTimeout: '1s' } })
    await publish(queue, 'a', 'b')
    const puller = await broker.puller(queue)
    expect((await puller.one()).text).toBe('a 0')
    await eventually(async () => {
      expect((await broker.admin.stream(queue)).state.last_seq).toBe(3)
    })
    expect(await takeAndSettle(puller, 2)).toEqual(['b 1', 'a 0'])
    await empty(queue)
  })

  it('confirms no acknowledgement that came too late: the message is at the tail, and is delivered again', async () => {
    const queue = await newQueue({ retry: { visibilityTimeout: '1s' } })
    await publish(queue, 'a', 'b')
    const puller = await broker.puller(queue)
    const late = await puller.one()
    await eventually(async () => {
      expect((await broker.admin.stream(queue)).state.last_seq).toBe(3)
    })
    const confirmation = late.settle('+ACK', 500)
    await expect(confirmation).rejects.toThrow(/timeout/i)
    expect(await takeAndSettle(puller, 2)).toEqual(['b 1', 'a 0'])
    await empty(queue)
  })

  it('waits out the backoff first, and is counted meanwhile', async () => {
    const queue = await newQueue({ retry: { visibilityTimeout: '1s', backoff: { initial: '3s', jitterPercent: 0 } } })
    await publish(queue, 'a')
    const puller = await broker.puller(queue)
    const first = await puller.one()
    await first.settle('-NAK')
    const consumer = await (await broker.js()).consumers.get(queue, 'workers')
    while (performance.now() - first.at < 2000) {
      expect(await consumer.info()).toMatchObject({ num_pending: 0, num_ack_pending: 1 })
      await new Promise((done) => setTimeout(done, 50))
    }
    expect((await broker.api.get(queue)).messages).toMatchObject({ ready: 0, inFlight: 1 })
    const again = await puller.one()
    expect(again.text).toBe('a 0')
    expect(again.at - first.at).toBeGreaterThan(2900)
    await again.settle()
    await empty(queue)
    expect((await broker.admin.deadLetters(queue)).length).toBe(0)
  })

  it('a newer message of the key takes the place of one that waits to be moved', async () => {
    const queue = await newQueue({ retry: { backoff: { initial: '700ms', jitterPercent: 0 } } })
    await publish(queue, 'a')
    const puller = await broker.puller(queue)
    await (await puller.one()).settle('-NAK')
    await (await broker.js()).publish(`q.${queue}.a`, 'newer')
    expect(await takeAndSettle(puller, 1)).toEqual(['newer'])
    await new Promise((done) => setTimeout(done, 1000))
    await empty(queue)
  })

  it('moves within a Queue that is full, and evicts what was touched longest ago where that is declared', async () => {
    const full = await newQueue({ retry: noWait, retention: { maxMessages: 2 } })
    await publish(full, 'a', 'b')
    const puller = await broker.puller(full)
    await (await puller.one()).settle('-NAK')
    await eventually(async () => expect((await broker.admin.stream(full)).state.last_seq).toBe(3))
    expect(await takeAndSettle(puller, 2)).toEqual(['b 1', 'a 0'])
    const evicting = await newQueue({ retention: { maxMessages: 2, onLimit: 'DropOldest' } })
    await publish(evicting, 'a', 'b', 'a', 'c')
    expect(await takeAndSettle(await broker.puller(evicting), 2)).toEqual(['a 2', 'c 3'])
    await empty(evicting)
  })

  it('keeps headers and attempts over a move, and a restart while it waits', async () => {
    const queue = await newQueue({
      retry: { visibilityTimeout: '1s', maxAttempts: 2, backoff: { initial: '5s', jitterPercent: 0 } },
    })
    const js = await broker.js()
    await js.publish(`q.${queue}.a`, 'x', { msgID: 'mine' })
    const puller = await broker.puller(queue)
    await (await puller.one()).settle('-NAK')
    await broker.sidecar.stop()
    await broker.sidecar.start()
    await broker.ready()
    const again = await puller.one(30_000)
    expect(again.text).toBe('x')
    await again.settle('-NAK')
    await eventually(async () => expect((await broker.admin.deadLetters(queue)).length).toBe(1))
    expect((await broker.admin.deadLetters(queue))[0]?.headers).toMatchObject({ 'Pillion-Dead-Letter-Msg-Id': 'mine' })
    await empty(queue)
  })

  it('refuses a publish without a key', async () => {
    const queue = await newQueue()
    await expect((await broker.js()).publish(`q.${queue}`, 'x')).rejects.toThrow(/no responders|not enabled/i)
  })
})
