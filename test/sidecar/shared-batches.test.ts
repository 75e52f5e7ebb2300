import { jetstream, JetStreamApiError } from '@nats-io/jetstream'
import { MsgHdrsImpl } from '@nats-io/transport-node'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { JetStreamAccess } from '../../sidecar/jetstream/access.ts'
import type { BatchMessage } from '../../sidecar/jetstream/atomic-batch.ts'
import { lastWordStream } from '../../sidecar/jetstream/last-word-stream.ts'
import { type Piece, SharedBatches } from '../../sidecar/jetstream/shared-batches.ts'
import { TestBroker } from './harness.ts'

const STREAM = 'SHARED'

let broker: TestBroker
let js: JetStreamAccess

beforeAll(async () => {
  broker = await TestBroker.start({ sync: 'always' })
  const { connection, manager } = broker.admin
  js = { connection, manager, client: jetstream(connection), timeoutMs: 20_000 }
  await manager.streams.add({ ...lastWordStream(STREAM, 'shared.*'), allow_atomic: true })
})
afterAll(() => broker?.[Symbol.asyncDispose]())

/** Two words of one subject each; `expected`: the sequence of the second one's last word. */
function piece(name: string, expected = 0): Piece {
  const messages = (): BatchMessage[] => {
    const headers = new MsgHdrsImpl()
    headers.set('Nats-Expected-Last-Subject-Sequence', String(expected))
    return [
      { subject: `shared.${name}-a`, headers: new MsgHdrsImpl(), data: 'a' },
      { subject: `shared.${name}-b`, headers, data: 'b' },
    ]
  }
  return { messages }
}

const batchesOf = async (names: readonly string[]): Promise<Set<string | undefined>> => {
  const messages = await broker.admin.messages(STREAM)
  const own = messages.filter(({ subject }) => names.includes(subject.slice('shared.'.length, -2)))
  return new Set(own.map(({ headers }) => headers['Nats-Batch-Id']))
}

it('what is stored at the same time shares a batch, and each is told where it is', async () => {
  const shared = new SharedBatches(js)
  const names = Array.from({ length: 40 }, (_, n) => `together${n}`)
  const sequences = await Promise.all(names.map((name) => shared.store(piece(name))))
  expect(await batchesOf(names)).toHaveProperty('size', 1)
  const stored = await broker.admin.messages(STREAM)
  for (const [n, name] of names.entries())
    expect(stored.find(({ sequence }) => sequence === sequences[n])?.subject).toBe(`shared.${name}-b`)
})

it('one that is refused is refused alone, and stores nothing', async () => {
  const shared = new SharedBatches(js)
  const names = Array.from({ length: 10 }, (_, n) => `beside${n}`)
  const results = await Promise.allSettled([
    ...names.map((name) => shared.store(piece(name))),
    shared.store(piece('refused', 12_345)),
  ])
  expect(results.map(({ status }) => status)).toEqual([...names.map(() => 'fulfilled'), 'rejected'])
  expect(results.at(-1)).toMatchObject({ reason: expect.any(JetStreamApiError) })
  expect(await batchesOf(['refused'])).toHaveProperty('size', 0)
  expect(await batchesOf(names)).toHaveProperty('size', names.length)
})

it('what comes while something is stored goes together after it', async () => {
  const shared = new SharedBatches(js)
  const first = shared.store(piece('first'))
  await new Promise(setImmediate)
  const names = Array.from({ length: 20 }, (_, n) => `after${n}`)
  const after: Array<Promise<number>> = []
  for (const name of names) {
    after.push(shared.store(piece(name)))
    await new Promise(setImmediate)
  }
  const [one, ...others] = await Promise.all([first, ...after])
  for (const sequence of others) expect(sequence).toBeGreaterThan(one)
  const { size } = await batchesOf(names)
  expect(size).toBeLessThan(names.length / 2)
})
