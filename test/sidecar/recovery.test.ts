import { jetstream } from '@nats-io/jetstream'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Delivery, eventually, numbered, type Puller, TestBroker, until } from './harness.ts'

// A crash at any point leaves either a record of a message's end, and it is not delivered again, or none, and it is.

let broker: TestBroker
let puller: Puller
let number = 0
let queue = ''

beforeAll(async () => {
  broker = await TestBroker.start({ sidecar: 'ownProcess' })
})
afterAll(() => broker?.[Symbol.asyncDispose]())

beforeEach(async () => {
  queue = `recovery${++number}`
  await broker.api.put(queue, { retry: { visibilityTimeout: '3s', maxAttempts: 10 } })
  puller = await broker.puller(queue)
})

const settleAll = async (messages: readonly Delivery[]): Promise<void> => {
  const answers = await Promise.all(messages.map((message) => message.settle()))
  expect(answers.filter((answer) => answer !== '')).toEqual([])
}
const restart = async (part: { start(): Promise<void> }): Promise<void> => {
  await part.start()
  await broker.ready()
}
const emptyAndBalanced = async (acknowledged: number): Promise<void> => {
  await eventually(async () => expect((await broker.admin.stream(queue)).state.messages).toBe(0))
  expect(await broker.admin.deadLetters(queue)).toEqual([])
  expect((await broker.admin.stream(queue)).state.last_seq).toBe(acknowledged)
}

/** Pulls until nothing is left and nothing in flight; what came. */
async function takeTheRest(): Promise<Delivery[]> {
  const got: Delivery[] = []
  await until('nothing is left', async () => {
    const messages = await puller.fetch(500, 300)
    got.push(...messages)
    await settleAll(messages)
    const { messages: counts } = await broker.api.get(queue)
    return counts.ready + counts.inFlight === 0
  })
  return got
}

describe('the sidecar is killed', () => {
  it('right after acknowledgements: what is on record does not come again, what is not does', async () => {
    await broker.publish(queue, ...numbered(400))
    const got = await puller.take(400)
    // The first one stays open, so that the log alone knows of those behind it.
    await settleAll(got.slice(1, 200))
    // Some of these are on their way when it dies.
    for (const message of got.slice(200)) message.answer()
    await broker.sidecar.kill()
    const onRecord = await broker.admin.onRecord(queue)
    const expected = got.filter(({ sequence }) => !onRecord(sequence)).map(({ text }) => text)
    expect(expected).toContain('m0')
    expect(expected.length).toBeLessThanOrEqual(201)
    await restart(broker.sidecar)
    const again = await takeTheRest()
    expect(again.map(({ text }) => text).toSorted()).toEqual(expected.toSorted())
    await emptyAndBalanced(400)
  })

  it('under traffic: nothing that was acknowledged is lost', async () => {
    const { accepted, settled } = await traffic(async () => {
      await broker.sidecar.kill()
      await broker.sidecar.start()
    })
    expect([...accepted].filter((text) => !settled.has(text))).toEqual([])
    await eventually(async () => expect((await broker.admin.stream(queue)).state.messages).toBe(0))
    expect(await broker.admin.deadLetters(queue)).toEqual([])
  })

  it('while nobody was told: an unanswered message comes again after its timeout, not before', async () => {
    await broker.publish(queue, 'one')
    const message = await puller.one()
    await broker.sidecar.kill()
    await restart(broker.sidecar)
    const again = await puller.one()
    expect(again.attempt).toBe(2)
    expect(again.at - message.at).toBeGreaterThanOrEqual(2900)
    // The answer to the first delivery is as good as one to the second.
    expect(await message.settle()).toBe('')
    await emptyAndBalanced(1)
  })
})

describe('nats-server is killed', () => {
  it('right after acknowledgements: what was answered does not come again', async () => {
    await broker.publish(queue, ...numbered(400))
    const [open, ...rest] = await puller.take(400)
    await settleAll(rest)
    await broker.nats.crash()
    // Asked as soon as the server is back, before the sidecar can be: what it passes on must be right by then.
    const asked = puller.fetch(400, 3000)
    await broker.nats.start()
    await broker.ready()
    const again = [...(await asked), ...(await takeTheRest())]
    expect(new Set(again.map(({ text }) => text))).toEqual(new Set(['m0']))
    await open?.settle()
    await emptyAndBalanced(400)
    expect(await broker.api.metric('pillion_broker_reconnects_total')).toBeGreaterThanOrEqual(1)
  })

  it('under traffic: what was acknowledged to its producer is delivered, and the sidecar recovers by itself', async () => {
    const { accepted, settled } = await traffic(async () => {
      await broker.nats.crash()
      await broker.nats.start()
    })
    expect([...accepted].filter((text) => !settled.has(text))).toEqual([])
    await eventually(async () => expect((await broker.admin.stream(queue)).state.messages).toBe(0))
    expect(await broker.admin.deadLetters(queue)).toEqual([])
  })
})

describe('both are killed', () => {
  it('under traffic: nothing that was acknowledged is lost', async () => {
    const { accepted, settled } = await traffic(async () => {
      await Promise.all([broker.nats.crash(), broker.sidecar.kill()])
      // The sidecar is there first, as a native sidecar of a pod is.
      await broker.sidecar.start()
      await broker.nats.start()
    })
    expect([...accepted].filter((text) => !settled.has(text))).toEqual([])
    await eventually(async () => expect((await broker.admin.stream(queue)).state.messages).toBe(0))
    expect(await broker.admin.deadLetters(queue)).toEqual([])
  })

  it('what was answered does not come again', async () => {
    await broker.publish(queue, ...numbered(300))
    const [, ...rest] = await puller.take(300)
    await settleAll(rest)
    await Promise.all([broker.sidecar.kill(), broker.nats.crash()])
    await broker.nats.start()
    await restart(broker.sidecar)
    expect(new Set((await takeTheRest()).map(({ text }) => text))).toEqual(new Set(['m0']))
    await emptyAndBalanced(300)
  })
})

/** Producers and consumers go on through `fault`, twice; what was accepted and what was settled. */
async function traffic(fault: () => Promise<void>): Promise<{ accepted: Set<string>; settled: Set<string> }> {
  const accepted = new Set<string>()
  const settled = new Set<string>()
  const done = new AbortController()
  const publisher = jetstream(await broker.client(), { timeout: 1000 })
  const producers = numbered(4, 'p').map(async (name) => {
    for (let n = 0; !done.signal.aborted; n++) {
      const body = `${name}-${n}`
      // Refused, or its answer lost: then it is no matter whether it was stored.
      await publisher.publish(`q.${queue}`, body).then(
        () => accepted.add(body),
        () => undefined,
      )
    }
  })
  const consumers = numbered(2).map(async () => {
    const own = await broker.puller(queue)
    while (!done.signal.aborted) {
      const got = await own.fetch(50, 300).catch(() => [])
      for (const message of got) {
        message.answer()
        settled.add(message.text)
      }
    }
  })
  for (const _ of [1, 2]) {
    const before = settled.size
    await until('traffic flows', () => settled.size > before + 200)
    await fault()
    await broker.ready()
  }
  const before = settled.size
  await until('traffic flows after all', () => settled.size > before + 200)
  done.abort()
  await Promise.all([...producers, ...consumers])
  for (const { text } of await takeTheRest()) settled.add(text)
  return { accepted, settled }
}
