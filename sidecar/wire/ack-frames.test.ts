import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { AckFrames } from './ack-frames.ts'

const SUBJECT = 'PILLION.ACK.orders.workers_fifo.1.7.9.1763820000000000000.5'

interface Frame {
  readonly bytes: Buffer
  /** What is to be told of it where it is an acknowledgement; else it goes to the library. */
  readonly ack?: string
}

const binary = (text: string): Buffer => Buffer.from(text, 'latin1')
const message = (subject: string, payload: string, reply?: string): string =>
  `MSG ${subject} 4 ${reply === undefined ? '' : `${reply} `}${payload.length}\r\n${payload}\r\n`

const ackFrame = fc
  .record({
    sequence: fc.integer({ min: 1, max: 2 ** 40 }),
    consumer: fc.stringMatching(/^[a-z_]{1,9}$/),
    body: fc.constantFrom('', '+ACK', '-NAK {"delay": 5}', '+WPI\r\nMSG PILLION.ACK.'),
    reply: fc.option(fc.stringMatching(/^_INBOX\.[A-Za-z0-9]{1,12}$/), { nil: undefined }),
  })
  .map(({ sequence, consumer, body, reply }): Frame => {
    const subject = `PILLION.ACK.orders.${consumer}.1.${sequence}.3.1763820000000000000.5`
    return {
      bytes: binary(message(subject, body, reply)),
      ack: JSON.stringify([consumer, sequence, body, reply ?? '']),
    }
  })
const otherFrame = fc
  .oneof(
    fc.constantFrom('PING\r\n', 'PONG\r\n', '+OK\r\n', `INFO {"max_payload":1048576}\r\n`, "-ERR 'Slow Consumer'\r\n"),
    fc.string({ unit: 'binary-ascii', maxLength: 300 }).map((payload) => message('_INBOX.abc.1', payload)),
    fc.constantFrom(message('PILLION.NEXT.orders.workers', message(SUBJECT, ''), '_INBOX.x')),
    // Malformed, or with headers: the library's handler has the say.
    fc.constantFrom(message('PILLION.ACK.orders.workers_fifo.1.2', ''), message('PILLION.ACK.orders', '+ACK')),
    fc.constant(`HMSG ${SUBJECT} 4 12 16\r\nNATS/1.0\r\n\r\n+ACK\r\n`),
  )
  .map((text): Frame => ({ bytes: binary(text) }))

function receive(chunks: readonly Buffer[]): Array<string | Buffer> {
  const seen: Array<string | Buffer> = []
  const frames = new AckFrames(({ consumer, streamSequence }, { data, reply }) => {
    seen.push(JSON.stringify([consumer, streamSequence, Buffer.from(data).toString('latin1'), reply]))
  })
  for (const chunk of chunks) for (const rest of frames.rest(chunk)) seen.push(Buffer.from(rest))
  return joined(seen)
}

/** What went to the library one after the other, in one piece. */
function joined(seen: ReadonlyArray<string | Buffer>): Array<string | Buffer> {
  const result: Array<string | Buffer> = []
  for (const one of seen) {
    const last = result.at(-1)
    if (typeof one === 'string' || last === undefined || typeof last === 'string') result.push(one)
    else result[result.length - 1] = Buffer.concat([last, one])
  }
  return result
}

describe('AckFrames', () => {
  test.prop([fc.array(fc.oneof(ackFrame, otherFrame), { maxLength: 20 }), fc.array(fc.nat(400), { maxLength: 40 })])(
    'takes out the acknowledgements, in order with all else, wherever the stream is cut',
    (frames, cuts) => {
      const stream = Buffer.concat(frames.map(({ bytes }) => bytes))
      const chunks: Buffer[] = []
      let at = 0
      for (const cut of cuts) chunks.push(stream.subarray(at, (at = Math.min(stream.length, at + cut))))
      chunks.push(stream.subarray(at))
      expect(receive(chunks)).toEqual(joined(frames.map(({ ack, bytes }) => ack ?? bytes)))
    },
  )
  test.prop([fc.uint8Array({ maxLength: 200 })])('never throws', (bytes) => {
    receive([Buffer.from(bytes), binary('MSG PILLION.ACK.'), Buffer.from(bytes), binary(' \r\n')])
  })
  it('does not gather a large message that is for the library', () => {
    const frames = new AckFrames(() => undefined)
    const large = binary(message('_INBOX.abc.1', 'x'.repeat(1000)))
    expect([...frames.rest(large.subarray(0, 100))].map(({ length }) => length)).toEqual([100])
    expect([...frames.rest(large.subarray(100))].map(({ length }) => length)).toEqual([large.length - 100])
  })
})
