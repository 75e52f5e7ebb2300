import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { parseQueueSpec, type QueueSpec } from '../../crds/index.ts'
import { copyHeaders, targetSubject } from './copy.ts'
import { advanced, beginning, ended, finished, found, lastWords, type Progress, shown, wanted } from './progress.ts'
import { parseOperation } from './request.ts'
import { isSelected, selectsAll } from './selection.ts'

const NOW = Date.parse('2026-01-01T00:00:00Z')
const message = (headers: Array<[string, string]>, ageMs = 0) => ({ headers, time: new Date(NOW - ageMs) })

describe('a selection', () => {
  it.each([
    ['nothing said', {}, true],
    ['the reason', { reason: 'timeout' }, true],
    ['another reason', { reason: 'rejected' }, false],
    ['the age', { olderThan: '1m' }, true],
    ['a greater age', { olderThan: '61s' }, false],
    ['a pattern', { subject: 'q.a.*' }, true],
    ['another subject', { subject: 'q.b.>' }, false],
    ['a header', { header: { name: 'TENANT' } }, true],
    ['its value', { header: { name: 'tenant', value: 'eu' } }, true],
    ['another value', { header: { name: 'tenant', value: 'EU' } }, false],
    ['one that holds and one that does not', { olderThan: '1m', reason: 'rejected' }, false],
  ] as const)('with %s', (_, select, is) => {
    const dead = message(
      [
        ['Pillion-Dead-Letter-Reason', 'timeout'],
        ['Tenant', 'eu'],
      ],
      60_000,
    )
    expect(isSelected(select, dead, 'q.a.b', NOW)).toBe(is)
  })

  test.prop([fc.record({ olderThan: fc.constant('5s'), count: fc.constant(3) }, { requiredKeys: [] })])(
    'that names nothing selects all',
    (select) => {
      expect(selectsAll(select)).toBe(Object.keys(select).length === 0)
    },
  )
})

describe('a copy', () => {
  it('has the producer’s id and headers, no trace of the dead letter, and no attempts', () => {
    const all = copyHeaders(
      message([
        ['a', '1'],
        ['a', '2'],
        ['Nats-Msg-Id', 'dlq:q:workers:x:1'],
        ['Pillion-Attempts', '4'],
        ['Pillion-Dead-Letter-Reason', 'timeout'],
        ['Pillion-Dead-Letter-Msg-Id', 'mine'],
      ]),
      NOW,
    )
    expect(Object.fromEntries(all ?? [])).toEqual({
      a: ['1', '2'],
      'Pillion-Msg-Id': ['mine'],
      'Pillion-Attempts': ['0'],
    })
  })

  it('of a message keeps the producer’s id, of a dead letter without one none', () => {
    expect(copyHeaders(message([['Nats-Msg-Id', 'mine']]), NOW)?.get('Pillion-Msg-Id')).toBe('mine')
    const dead = message([
      ['Nats-Msg-Id', 'dlq:x'],
      ['Pillion-Dead-Letter-Reason', 'rejected'],
    ])
    expect(copyHeaders(dead, NOW)?.has('Pillion-Msg-Id')).toBe(false)
  })

  it.each([
    ['never', 'never'],
    ['60s', '50s'],
    ['10', undefined],
  ])('of a message with Nats-TTL %s that is 10 s old has what is left of it', (ttl, left) => {
    expect(copyHeaders(message([['Nats-TTL', ttl]], 10_000), NOW)?.get('Nats-TTL')).toBe(left)
  })

  const specOf = (input: object): QueueSpec => {
    const parsed = parseQueueSpec(input)
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems))
    return parsed.value
  }
  it.each([
    ['a Fifo Queue', {}, 'q.a', 'q.b'],
    ['a Fifo Queue, of a key', {}, 'q.a.key', 'q.b'],
    ['a keyed Queue', { ordering: { mode: 'KeyedFifo' } }, 'q.a.key', 'q.b.key'],
    ['a keyed Queue, without one', { ordering: { mode: 'KeyedFifo' } }, 'q.a', undefined],
    ['a Queue with levels', { ordering: { mode: 'Priority' } }, 'q.a.3', 'q.b.3'],
    ['a Queue with levels, of a key', { ordering: { mode: 'Priority' } }, 'q.a.key', 'q.b'],
    ['a tree', { type: 'Hierarchical' }, 'q.a.x.y', 'q.b.x.y'],
  ])('goes to %s', (_, spec, subject, to) => expect(targetSubject('a', subject, 'b', specOf(spec))).toBe(to))
})

test.prop([
  fc.array(fc.record({ looked: fc.nat(9), done: fc.nat(9), skipped: fc.nat(9), crashedWith: fc.option(fc.nat(9)) }), {
    maxLength: 20,
  }),
])('progress adds up, over crashes too', (batches) => {
  const request = parseOperation('a', { kind: 'redrive', select: { count: 1000 } })
  const b = { queue: 'a', id: 'x', created: 'c', first: 0, last: 99, total: 99, now: new Date(NOW) }
  let progress = beginning(request, b)
  let done = 0
  for (const { crashedWith, ...batch } of batches) {
    const intent = { sequences: [1], after: 0, target: 'a' }
    if (crashedWith !== null) {
      const copied = Array.from({ length: crashedWith }, (_, index) => index + 1)
      progress = ended(found({ ...progress, intent }, copied))
      done += crashedWith
    }
    progress = advanced({ ...progress, intent }, { ...batch, position: progress.position + 1 })
    done += batch.done
    expect([progress.intent, progress.copied]).toEqual([undefined, undefined])
  }
  expect([progress.done, wanted(progress)]).toEqual([done, 1000 - done])
  expect(Object.keys(shown(progress))).not.toContain('position')
})

test.prop([
  fc.array(fc.record({ queue: fc.constantFrom('a', 'b'), words: fc.integer({ min: 1, max: 3 }) }), { maxLength: 12 }),
  fc.func(fc.boolean()),
  fc.boolean(),
])('what a crash brings back of operations that have ended is not carried out', (operations, isBack, lastIsOpen) => {
  const words: Progress[] = []
  const kept = new Set<Progress>()
  for (const [index, { queue, words: count }] of operations.entries()) {
    const b = { queue, id: `id${index}`, created: 'c', first: 1, last: 9, total: 9, now: new Date(NOW) }
    const running = beginning(parseOperation(queue, { kind: 'redrive' }), b)
    const isOpen = lastIsOpen && operations.findLastIndex((other) => other.queue === queue) === index
    for (let left = count; left > 0; left--) words.push({ ...running, done: count - left })
    if (!isOpen) words.push(finished(running, 'Succeeded', '', new Date(NOW)))
    const end = words.at(-1)
    // Of an operation that is not the newest one of its Queue, the last word may be forgotten and the others be back.
    const isNewest = operations.findLastIndex((other) => other.queue === queue) === index
    if (end !== undefined && (isNewest || isBack(`kept ${index}`))) kept.add(end)
  }
  const there = words.filter((word, index) => kept.has(word) || (!isEnd(word) && isBack(index)))
  const { known, leftOver } = lastWords(there)
  expect(new Set(known)).toEqual(kept)
  expect(leftOver.filter(isEnd)).toEqual([])
})

const isEnd = ({ state }: Progress): boolean => state === 'Succeeded'
