import { fc, test } from '@fast-check/vitest'
import type { MsgHdrs } from '@nats-io/transport-node'
import { expect } from 'vitest'
import { parseQueueSpec } from '../../crds/index.ts'
import { copyOf } from '../delay/copy.ts'
import { parkedCopy } from '../delay/parked-copy.ts'
import type { StoredMessage } from '../jetstream/stored-message.ts'
import { copyHeaders } from '../operations/copy.ts'
import { attemptsBefore, headerValue, producersId } from './copied-headers.ts'
import { deadLetterHeaders } from './dead-letter.ts'

// A message is copied when it waits and comes back, when it is dead-lettered and redriven, and when it is moved. What one kind of copy
// writes in its headers the others have to read.

const NOW = Date.parse('2026-01-01T00:00:00Z')
const created = '2026-01-01T00:00:00Z'
const parsed = parseQueueSpec({})
if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems))
const spec = parsed.value

const stored = (headers: Iterable<readonly [string, string]>): StoredMessage => ({
  seq: 7,
  subject: 'q.a',
  time: new Date(NOW),
  headers: [...headers],
  headerBytes: 0,
  data: new Uint8Array(),
})

/** As nats-server has it. */
const written = (headers: MsgHdrs | undefined, msgID: string): StoredMessage => {
  if (headers === undefined) throw new Error('the copy is made')
  const list = headers.keys().flatMap((key) => headers.values(key).map((value): [string, string] => [key, value]))
  return stored([...list, ['Nats-Msg-Id', msgID]])
}

function parkedAndBack(message: StoredMessage, deliveries: number): StoredMessage {
  const attempts = attemptsBefore(message.headers) + deliveries
  const copy = parkedCopy(message, { queue: 'a', spec, created, attempts, due: NOW + 10_000 })
  return written(copyOf(written(copy?.headers, 'parked:a:7'), 'a', NOW + 10_000)?.headers, 'delayed:a:7')
}

function deadAndBack(message: StoredMessage): StoredMessage {
  const letter = { queue: 'a', group: 'workers', created, sequence: 7, subject: 'q.a', publishedAt: new Date(NOW) }
  const end = { reason: 'rejected' as const, attempts: 3, error: undefined, at: new Date(NOW) }
  const dead = written(deadLetterHeaders({ ...letter, ...end, own: message.headers }), 'dlq:a:7')
  return written(copyHeaders(dead, NOW), 'moved:a_dlq:7')
}

const moved = (message: StoredMessage): StoredMessage => written(copyHeaders(message, NOW), 'moved:a:7')

type Step = 'parked' | 'dead' | 'moved'

test.prop([fc.array(fc.constantFrom<Step>('parked', 'dead', 'moved'), { minLength: 1, maxLength: 6 }), fc.boolean()])(
  'a copy of a copy keeps the message’s own headers and its producer’s id, and counts its attempts since it was last brought back',
  (steps, hasId) => {
    let message = stored([['Own', 'kept'], ...(hasId ? ([['Nats-Msg-Id', 'mine']] as const) : [])])
    let attempts = 0
    for (const step of steps) {
      if (step === 'parked') message = parkedAndBack(message, 2)
      else message = step === 'dead' ? deadAndBack(message) : moved(message)
      attempts = step === 'parked' ? attempts + 2 : 0
      expect([producersId(message.headers), attemptsBefore(message.headers)]).toEqual([
        hasId ? 'mine' : undefined,
        attempts,
      ])
      expect(headerValue(message.headers, 'Own')).toBe('kept')
      const known = ['Own', 'Nats-Msg-Id', 'Pillion-Attempts', 'Pillion-Msg-Id', 'Pillion-Delayed-Sequence']
      expect(message.headers.map(([key]) => key).filter((key) => !known.includes(key))).toEqual([])
    }
  },
)
