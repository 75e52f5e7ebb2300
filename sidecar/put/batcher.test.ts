import { pino } from 'pino'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Batcher } from './batcher.ts'
import type { Frame } from './frames.ts'
import { Outgoing } from './outgoing.ts'

/** What is waited for at most, with the costs that are taken until something was measured. Milliseconds. */
const WAIT_MS = 1.2

let sent = ''
let heard: Array<(answer: Frame) => void> = []
let batcher: Batcher
const out = new Outgoing((bytes) => {
  sent += bytes.toString('latin1')
})

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  sent = ''
  heard = []
  let batches = 0
  batcher = new Batcher('orders', {
    out,
    logger: pino({ level: 'silent' }),
    ask: (told) => `answer.${heard.push(told)}`,
    released: () => undefined,
    batchId: () => `batch${++batches}`,
  })
})
afterEach(() => {
  vi.useRealTimers()
})

/** They come at once. */
function publish(...bodies: string[]): void {
  for (const body of bodies)
    batcher.add({
      subject: 'q.orders',
      reply: `of.${body}`,
      headerBytes: 0,
      payload: Buffer.from(body),
      alone: false,
      id: '',
    })
  batcher.advance()
}

/** What was sent since the last time: of each frame the answer that it asks for, its headers and its body. */
function taken(): string[] {
  out.flush()
  const frames = [
    ...sent.matchAll(/H?PUB (\S+) (?:([a-z]\S*) )?(?:\d+ )?\d+\r\n(?:NATS\/1\.0\r\n((?:.+\r\n)*)\r\n)?(.*)\r\n/g),
  ]
  sent = ''
  return frames.map(([, subject = '', reply = '', headers = '', body = '']) => {
    const values = [...headers.matchAll(/Nats-Batch-\S+ (\S+)/g)].map(([, value]) => value)
    return [subject.replace('PILLION.JS.', ''), reply, ...values, body].filter((part) => part !== '').join(' ')
  })
}

/** nats-server says that so many are stored, the last under this sequence. */
function stored(batch: string, count: number, sequence: number): void {
  const text = JSON.stringify({ stream: 'orders', seq: sequence, batch, count })
  heard.at(-1)?.({ subject: '', reply: '', headerBytes: 0, payload: Buffer.from(text) })
}

const many = Array.from({ length: 50 }, (_, n) => `m${n}`)

/** So many that as many are expected again. */
function burst(): void {
  publish(...many)
  expect(taken()).toHaveLength(many.length)
  stored('batch1', many.length, many.length)
  taken()
}

test('the first of a batch is with nats-server while the others are waited for', () => {
  burst()
  publish('one')
  expect(taken()).toEqual(['Q.orders batch2 1 one'])
  publish('two')
  expect(taken()).toEqual([])
  vi.advanceTimersByTime(WAIT_MS + 1)
  expect(taken()).toEqual(['Q.orders answer.2 batch2 2 1 two'])
  stored('batch2', 2, 52)
  expect(taken()).toEqual(['of.one {"stream":"orders", "seq":51}', 'of.two {"stream":"orders", "seq":52}'])
})

test('a batch of which only the first came ends with that', () => {
  burst()
  publish('one')
  taken()
  vi.advanceTimersByTime(WAIT_MS + 1)
  expect(taken()).toEqual(['Q.orders answer.2 batch2 2 eob'])
  stored('batch2', 1, 51)
  expect(taken()).toEqual(['of.one {"stream":"orders", "seq":51}'])
  // Nobody else came: nobody is waited for.
  publish('two')
  expect(taken()).toEqual(['Q.orders of.two two'])
})

test('while a batch is on its way the next one goes on, and is committed when that is answered', () => {
  burst()
  publish(...many)
  expect(taken()).toHaveLength(many.length)
  publish('few')
  // So few may well be passed on.
  expect(taken()).toEqual([])
  publish(...many)
  const staged = taken()
  expect(staged).toHaveLength(many.length + 1)
  expect(staged.slice(0, 2)).toEqual(['Q.orders batch3 1 few', 'Q.orders batch3 2 m0'])
  publish('late')
  expect(taken()).toEqual(['Q.orders batch3 52 late'])
  stored('batch2', many.length, 100)
  expect(taken().at(-1)).toBe('of.m49 {"stream":"orders", "seq":100}')
  // Those that were just answered may well come again.
  vi.advanceTimersByTime(2 * WAIT_MS)
  expect(taken()).toEqual(['Q.orders answer.3 batch3 53 eob'])
  stored('batch3', 52, 152)
  expect(taken().at(-1)).toBe('of.late {"stream":"orders", "seq":152}')
})

test('what went on while a batch was on its way is stored after that where it is refused', () => {
  burst()
  publish(...many)
  taken()
  publish(...many)
  expect(taken().at(-1)).toBe('Q.orders batch3 50 m49')
  const refused = Buffer.from('{"error":{"code":400,"err_code":10201,"description":"refused"}}')
  heard.at(-1)?.({ subject: '', reply: '', headerBytes: 0, payload: refused })
  const sent = taken()
  expect(sent.slice(0, 2)).toEqual(['Q.orders of.m0 m0', 'Q.orders of.m1 m1'])
  expect(sent).toHaveLength(many.length + 1)
  expect(sent.at(-1)).toBe('Q.orders answer.4 batch3 51 eob')
})

test('what has to go alone waits for the batch that is on its way, and for the one after it', () => {
  burst()
  publish(...many)
  publish(...many)
  taken()
  batcher.add({ subject: 'q.orders', reply: 'of.x', headerBytes: 0, payload: Buffer.from('x'), alone: true, id: '' })
  publish('after')
  expect(taken()).toEqual([])
  stored('batch2', many.length, 100)
  vi.advanceTimersByTime(2 * WAIT_MS)
  expect(taken().at(-1)).toBe('Q.orders answer.3 batch3 51 eob')
  stored('batch3', many.length, 150)
  expect(taken().slice(-2)).toEqual(['Q.orders of.x x', 'Q.orders batch4 1 after'])
})

test('what passes between the answers of a batch and the next one is a part of what a batch takes', () => {
  const dozen = many.slice(0, 12)
  publish(...dozen)
  const sent = [taken()]
  for (let batch = 1; sent.at(-1)?.[0]?.includes('batch') && batch < 40; batch++) {
    vi.advanceTimersByTime(2)
    stored(`batch${batch}`, dozen.length, batch * dozen.length)
    taken()
    vi.advanceTimersByTime(1)
    publish(...dozen)
    sent.push(taken())
  }
  expect(sent.at(-1)?.[0]).toBe('Q.orders of.m0 m0')
})

test('what nats-server had of a batch is forgotten with the connection', () => {
  burst()
  publish('one')
  taken()
  batcher.lost()
  expect(batcher.isIdle).toBe(true)
  publish(...many)
  expect(taken()[0]).toBe('Q.orders batch3 1 m0')
})
