import { describe, expect, it } from 'vitest'
import { batchAnswer, noRoom, pubAck } from './answer.ts'

const frame = (text: string, headerBytes = 0) => ({ subject: '', reply: '', headerBytes, payload: Buffer.from(text) })
const stored = '{"stream":"orders", "seq":12,"batch":"b1","count":3}'

describe('batchAnswer', () => {
  it('gives the sequence of the first', () => {
    expect(batchAnswer(frame(stored), 'b1', 3)).toEqual({ kind: 'stored', stream: 'orders', first: 10 })
  })
  it.each([
    ['of another batch', stored, 'b2', 3],
    ['of fewer messages', stored, 'b1', 4],
    ['of more messages', stored, 'b1', 2],
    ['of no batch', '{"stream":"orders", "seq":12}', 'b1', 3],
    ['that is a duplicate', '{"stream":"orders", "seq":12,"duplicate": true}', 'b1', 3],
    ['that is empty', '', 'b1', 3],
    ['with a sequence that cannot be', '{"stream":"orders", "seq":2,"batch":"b1","count":3}', 'b1', 3],
  ])('takes no sequence from an answer %s', (_, text, batch, count) => {
    expect(batchAnswer(frame(text), batch, count)).toEqual({ kind: 'unknown' })
  })
  it('sees that it was refused', () => {
    const text = '{"error":{"code":400,"err_code":10201,"description":"x"},"stream":"orders","seq":0}'
    expect(batchAnswer(frame(text), 'b1', 3)).toEqual({ kind: 'refused' })
  })
  it('sees that nobody was there', () => {
    const text = 'NATS/1.0 503\r\n\r\n'
    expect(batchAnswer(frame(text, text.length), 'b1', 3)).toEqual({ kind: 'noStream' })
  })
})

it('what publishers are told is JSON', () => {
  expect(JSON.parse(pubAck('orders', 7))).toEqual({ stream: 'orders', seq: 7 })
  expect(JSON.parse(noRoom('orders'))).toMatchObject({ error: { code: 503, err_code: 10023 }, stream: 'orders' })
})
