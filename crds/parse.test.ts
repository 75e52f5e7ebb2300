import { describe, expect, test } from 'vitest'
import {
  nameProblems,
  type Parsed,
  parseQueue,
  parseQueueBroker,
  parseQueueBrokerSpec,
  parseQueueSpec,
  queueUpdateProblems,
  type QueueSpec,
} from './index.ts'

const queue = { apiVersion: 'pillion.dev/v1alpha1', kind: 'Queue', metadata: { name: 'orders' } }

function problems(parsed: Parsed<unknown>) {
  return parsed.ok ? [] : parsed.problems
}

function specOf(input: unknown): QueueSpec {
  const parsed = parseQueueSpec(input)
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems))
  return parsed.value
}

test('the spec alone and the spec in its manifest are the same, with the same names of fields', () => {
  const bad = { retry: { maxAttempts: -1, attempts: 3 }, consumerGroups: [{ name: 'A' }] }
  expect(problems(parseQueueSpec(bad))).toHaveLength(3)
  expect(problems(parseQueueSpec(bad))).toEqual(problems(parseQueue({ ...queue, spec: bad })))
  expect(problems(parseQueueSpec(bad)).map(({ field }) => field)).toEqual([
    'spec.consumerGroups[0].name',
    'spec.retry.maxAttempts',
    'spec.retry.attempts',
  ])
  expect(parseQueue(queue)).toMatchObject({ ok: true, value: { spec: specOf({}) } })
  expect(problems(parseQueueBrokerSpec({ replicas: 2 }))).toEqual([
    { field: 'spec.replicas', message: expect.stringContaining('must be 1, 3 or 5') },
  ])
})

test('several problems are told at once', () => {
  const bad = { retry: { visibilityTimeout: 'soon' }, retention: { maxMessageSize: '2Mi', maxBytes: '1Mi' }, paused: 1 }
  expect(problems(parseQueueSpec(bad)).map(({ field }) => field)).toEqual([
    'spec.retention.maxMessageSize',
    'spec.retry.visibilityTimeout',
    'spec.paused',
  ])
})

test.each([null, undefined, 'text', 3, [], true])('%j is not a manifest nor a spec', (input) => {
  expect(problems(parseQueue(input))).toEqual([{ field: '', message: expect.stringContaining('an object') }])
  expect(problems(parseQueueSpec(input))).toEqual([{ field: 'spec', message: expect.stringContaining('an object') }])
})

test.each([
  ['apiVersion', { ...queue, apiVersion: 'pillion.dev/v1' }, 'must be pillion.dev/v1alpha1; it is "pillion.dev/v1"'],
  ['kind', { ...queue, kind: 'Topic' }, 'must be Queue; it is "Topic"'],
  ['metadata', { apiVersion: queue.apiVersion, kind: 'Queue' }, 'is required: an object'],
  ['metadata.name', { ...queue, metadata: {} }, 'is required: text (in quotes if it looks like a number)'],
])('%s is checked', (field, manifest, message) => {
  expect(problems(parseQueue(manifest))).toEqual([{ field, message }])
})

test('a QueueBroker is not a Queue', () => {
  expect(parseQueueBroker({ ...queue, kind: 'QueueBroker' })).toMatchObject({ ok: true })
  expect(problems(parseQueueBroker(queue))).toEqual([{ field: 'kind', message: 'must be QueueBroker; it is "Queue"' }])
})

test('what is not implemented yet is marked, and what is wrong is not', () => {
  expect(problems(parseQueueSpec({ deduplication: { durable: true } }))).toEqual([
    expect.objectContaining({ field: 'spec.deduplication.durable', notImplemented: true }),
  ])
  expect(problems(parseQueueSpec({ ordering: { mode: 'lru' } }))[0]).not.toHaveProperty('notImplemented')
  expect(problems(parseQueueSpec({ retry: { visibilityTimeout: '1' } }))[0]).not.toHaveProperty('notImplemented')
})

test('a null for a field is left out, elsewhere it is refused', () => {
  const nulls = { retry: null, ordering: { mode: null }, retention: { maxAge: null }, brokerRef: null }
  expect(specOf(nulls)).toEqual(specOf({}))
  expect(problems(parseQueueSpec({ nothing: null })).map(({ field }) => field)).toEqual(['spec.nothing'])
})

test('nothing of the input is changed', () => {
  const input = { retry: null, retention: { maxAge: '1h' } }
  parseQueueSpec(input)
  expect(input).toEqual({ retry: null, retention: { maxAge: '1h' } })
})

describe('names', () => {
  test.each(['orders', 'a', 'a-b', 'a1', 'a'.repeat(40)])('%s is good', (name) => {
    expect(nameProblems(name)).toEqual([])
  })

  test.each(['', '7up', '-a', 'a-', 'A', 'a.b', 'a_b', 'a b', 'ä', 'a\n', 'a'.repeat(41)])('%j is not', (name) => {
    const [problem] = nameProblems(name)
    expect(problem).toEqual({ field: 'metadata.name', message: expect.stringContaining('at most 40 characters') })
    expect(problems(parseQueue({ ...queue, metadata: { name } }))).toEqual([problem])
  })
})

describe('queueUpdateProblems', () => {
  test('type cannot be changed', () => {
    const after: QueueSpec = { ...specOf({}), type: 'Exclusive' }
    expect(queueUpdateProblems(specOf({}), after)).toEqual([
      { field: 'spec.type', message: 'type cannot be changed; make a new Queue' },
    ])
  })

  test('no change is no problem', () => {
    for (const spec of [{}, { brokerRef: { name: 'shop' } }, { broker: { storage: { storageClassName: 'fast' } } }]) {
      expect(queueUpdateProblems(specOf(spec), specOf(spec))).toEqual([])
    }
  })
})
