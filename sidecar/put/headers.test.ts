import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { askedBy } from './headers.ts'

const asked = (lines: string): ReturnType<typeof askedBy> => {
  const headers = `NATS/1.0\r\n${lines}\r\n`
  return askedBy(Buffer.from(`${headers}Nats-Rollup: all\r\n`), headers.length)
}

describe('askedBy', () => {
  it('takes what has no headers, or none that nats-server acts on, into a batch', () => {
    expect(askedBy(Buffer.from('body'), 0)).toEqual({ alone: false, id: '' })
    const lines = 'name: Nats-Rollup: all\r\nnumber:1\r\nx-Nats-Rollup: all\r\nNats-TTL: 5s\r\n'
    expect(asked(lines)).toEqual({ alone: false, id: '' })
  })
  it('reads the id, the first where there are two', () => {
    expect(asked('a: b\r\nNats-Msg-Id: one \r\nNats-Msg-Id: two\r\n')).toEqual({ alone: false, id: 'one' })
  })
  it.each([
    'Nats-Expected-Stream: a',
    'Nats-Expected-Last-Sequence: 1',
    'Nats-Expected-Last-Msg-Id: a',
    'Nats-Rollup: all',
    'Nats-Schedule: @at x',
    'Nats-Batch-Id: a',
    'Nats-Incr: 1',
    'Nats-Required-Api-Level: 9',
    'nats-msg-id: a',
    'NATS-ROLLUP: all',
    'no colon',
    'No colon',
    '',
  ])('sends %j alone', (line) => {
    expect(asked(`a: b\r\n${line}\r\n`).alone).toBe(true)
  })
  it.each([
    'NATS/1.0 503\r\n\r\n',
    'NATS/1.0\r\n',
    'HTTP/1.0\r\n\r\n',
    'NATS/1.0\r\na: b\r\n',
    'NATS/1.0\r\na: b\n\r\n\r\n',
  ])('sends what is not as it should be alone: %j', (headers) => {
    expect(askedBy(Buffer.from(headers), headers.length).alone).toBe(true)
  })
  test.prop([fc.uint8Array({ maxLength: 60 }), fc.nat(80)])('ends, whatever it is given', (bytes, size) => {
    askedBy(Buffer.concat([Buffer.from('NATS/1.0\r\n'), bytes, Buffer.from('\r\n\r\n')]), size)
  })
})
