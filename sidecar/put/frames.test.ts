import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { Frames } from './frames.ts'

const body = fc.oneof(fc.string({ unit: 'binary-ascii', maxLength: 300 }), fc.constant('MSG a 1 2\r\nxx\r\n'))
const message = fc
  .record({
    reply: fc.option(fc.constant('_INBOX.a'), { nil: '' }),
    headers: fc.constantFrom('', 'NATS/1.0\r\na: b\r\n\r\n'),
    body,
  })
  .map(({ reply, headers, body: text }) => {
    const size = headers.length + text.length
    const sizes = headers === '' ? `${size}` : `${headers.length} ${size}`
    const line = `${headers === '' ? 'MSG' : 'HMSG'} q.a 7 ${reply === '' ? '' : `${reply} `}${sizes}`
    return { bytes: `${line}\r\n${headers}${text}\r\n`, seen: `q.a|${reply}|${headers.length}|${headers}${text}` }
  })
const line = fc
  .constantFrom('PING', 'PONG', 'INFO {"a":1}', "-ERR 'x'")
  .map((text) => ({ bytes: `${text}\r\n`, seen: text }))

function receive(chunks: readonly Buffer[]): string[] {
  const seen: string[] = []
  const frames = new Frames({
    message: ({ subject, reply, headerBytes, payload }) =>
      seen.push(`${subject}|${reply}|${headerBytes}|${payload.toString('latin1')}`),
    line: (text) => seen.push(text),
  })
  for (const chunk of chunks) frames.push(chunk)
  return seen
}

describe('Frames', () => {
  test.prop([fc.array(fc.oneof(message, line), { maxLength: 20 }), fc.array(fc.nat(400), { maxLength: 40 })])(
    'finds the messages, wherever what comes is cut',
    (all, cuts) => {
      const stream = Buffer.from(all.map(({ bytes }) => bytes).join(''), 'latin1')
      const chunks: Buffer[] = []
      let at = 0
      for (const cut of cuts) chunks.push(stream.subarray(at, (at = Math.min(stream.length, at + cut))))
      chunks.push(stream.subarray(at))
      expect(receive(chunks)).toEqual(all.map(({ seen }) => seen))
    },
  )
  it('keeps a subject as the bytes that it came in', () => {
    const [seen = ''] = receive([Buffer.from('MSG q.ключ 1 0\r\n\r\n')])
    expect(Buffer.from(seen, 'latin1').toString()).toBe('q.ключ||0|')
  })
})
