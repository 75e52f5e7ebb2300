import { expect, it } from 'vitest'
import { deadLetterHeaders, moveId } from './dead-letter.ts'

const letter = {
  queue: 'orders',
  group: 'workers',
  created: '2026-11-22T00:00:00Z',
  sequence: 7,
  subject: 'q.orders',
  publishedAt: new Date(0),
  reason: 'max-attempts' as const,
  attempts: 5,
  error: undefined,
  at: new Date(1000),
}

it('keeps the own headers and says why, when and from where', () => {
  const own = [
    ['Trace', 'a'],
    ['Trace', 'b'],
    ['Nats-Msg-Id', 'order-1'],
    ['Nats-Expected-Stream', 'orders'],
    ['Nats-TTL', '5s'],
  ] as const
  const all = deadLetterHeaders({ ...letter, own, error: 'boom\n  at line 1\r\n' })
  expect(all.values('Trace')).toEqual(['a', 'b'])
  expect(Object.fromEntries([...all].filter(([key]) => key !== 'Trace').map(([key, [value]]) => [key, value]))).toEqual(
    {
      'Pillion-Dead-Letter-Msg-Id': 'order-1',
      'Pillion-Dead-Letter-Reason': 'max-attempts',
      'Pillion-Dead-Letter-Queue': 'orders',
      'Pillion-Dead-Letter-Group': 'workers',
      'Pillion-Dead-Letter-Sequence': '7',
      'Pillion-Dead-Letter-Subject': 'q.orders',
      'Pillion-Dead-Letter-Attempts': '5',
      'Pillion-Dead-Letter-Published-At': '1970-01-01T00:00:00.000Z',
      'Pillion-Dead-Letter-At': '1970-01-01T00:00:01.000Z',
      'Pillion-Dead-Letter-Error': 'boom |   at line 1 |',
    },
  )
})

it('knows a move by its stream and the time of the message, not by its name and number alone', () => {
  expect(moveId(letter)).not.toBe(moveId({ ...letter, created: '2026-11-23T00:00:00Z' }))
  expect(moveId(letter)).not.toBe(moveId({ ...letter, sequence: 8 }))
  expect(moveId(letter)).not.toBe(moveId({ ...letter, group: 'audit' }))
  expect(moveId(letter)).not.toBe(moveId({ ...letter, publishedAt: new Date(1) }))
})
