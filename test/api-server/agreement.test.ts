import { isDeepStrictEqual } from 'node:util'
import { fc } from '@fast-check/vitest'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { API_VERSION } from '../../crds/index.ts'
import { causesOf, useApiServer } from './server.ts'
import type { Manifest } from './manifest.ts'
import { parseManifest } from './manifests.ts'

const server = useApiServer()
// Requests a property: each takes some 10 ms.
const runs = { numRuns: 150 }

const manifest = (kind: 'Queue' | 'QueueBroker', spec: object): Manifest => ({
  apiVersion: API_VERSION,
  kind,
  metadata: { name: 'tried' },
  spec,
})

/**
 * Whether the manifest is taken, by the API server and by `crds/` alike, with the same defaults.
 * @throws Error when they do not agree.
 */
async function agreedOutcome(tried: Manifest): Promise<boolean> {
  const answer = await server().create(tried, { dryRun: true })
  const parsed = parseManifest(tried)
  const there = answer.status === 201 ? answer.body['spec'] : 'refused'
  const here = parsed.ok ? parsed.value.spec : 'refused'
  if (!isDeepStrictEqual(here, there)) {
    const told = {
      tried: tried['spec'],
      there,
      causes: causesOf(answer),
      here,
      problems: parsed.ok ? [] : parsed.problems,
    }
    throw new Error(`no agreement: ${JSON.stringify(told, undefined, 2)}`)
  }
  return parsed.ok
}

/** What is left of it on the wire: no field is undefined. */
const asJson = (spec: object): object => z.record(z.string(), z.unknown()).parse(JSON.parse(JSON.stringify(spec)))

/** Values that are mostly good, so that both outcomes are common. */
const some = <T>(good: fc.Arbitrary<T>, ...bad: unknown[]) =>
  fc.oneof({ weight: 30, arbitrary: good }, { weight: 1, arbitrary: fc.constantFrom<unknown>(...bad) })
const optional = (fields: Record<string, fc.Arbitrary<unknown>>) => fc.record(fields, { requiredKeys: [] })

const durationText = fc
  .array(fc.tuple(fc.nat(200), fc.constantFrom('h', 'm', 's', 'ms')), { minLength: 1, maxLength: 3 })
  .map((parts) => parts.map(([count, unit]) => `${count}${unit}`).join(''))
const sizeText = fc
  .tuple(fc.nat(2000), fc.constantFrom('', '.5', '.25', '.125'), fc.constantFrom('', 'k', 'M', 'G', 'Ki', 'Mi', 'Gi'))
  .map((parts) => parts.join(''))
const duration = some(durationText, null, 30, '', '1', '1.5s', '1d', '-1s')
const size = some(sizeText, null, 1024, '', '1GB', '1e3', '-1Gi', '1m', '1Ei')
const flag = some(fc.boolean(), null, 'true', 0)
const count = (max: number) => some(fc.integer({ min: 0, max }), null, -1, '1', 1.5, max + 1)

const queueSections = {
  type: some(fc.constantFrom('Shared', 'Exclusive'), 'shared', null),
  exclusive: some(fc.constant(undefined), {}, { failover: '5s' }, { failover: '1s' }, null),
  paused: flag,
  deletionPolicy: some(fc.constantFrom('KeepNonEmpty', 'Delete', 'Retain'), 'Keep', null),
  brokerRef: some(fc.record({ name: some(fc.constant('shop'), '', 'a.b', 3, null) }), {}, 'shop', null),
  consumerGroups: some(
    fc.constantFrom([{ name: 'workers' }], [{ name: 'a', from: 'New' }, { name: 'b' }]),
    null,
    [],
    [{}],
    [null],
    [{ name: 'a', path: null }],
    [{ name: 'A' }],
    [{ name: 'a' }, { name: 'a' }],
  ),
  ordering: optional({
    mode: some(fc.constantFrom('Fifo', 'Fifo', 'KeyedFifo', 'Priority', 'Lru'), 'Lifo', null),
    strict: flag,
    keyedFifo: some(fc.constant(undefined), {}, { partitions: 3 }, null),
  }),
  retention: optional({
    until: some(fc.constantFrom('Acknowledged', 'Expired'), 'Forever', null),
    maxAge: duration,
    maxMessages: count(1_000_000),
    maxBytes: size,
    maxMessageSize: size,
    onLimit: some(fc.constantFrom('Reject', 'DropOldest', 'DeadLetterOldest'), 'Block'),
  }),
  retry: optional({
    visibilityTimeout: duration,
    maxAttempts: count(1000),
    backoff: optional({
      initial: duration,
      max: duration,
      factor: some(fc.double({ min: 1, max: 10, noNaN: true }), 0.5, 11, '2', null),
      jitterPercent: count(100),
    }),
  }),
  deadLetter: optional({ maxAge: duration, maxBytes: size }),
  deduplication: optional({ window: duration, durable: some(fc.constant(false), true, null) }),
}
/** Whole specs are mostly refused, for one of many reasons; ones with a section or two are mostly taken. */
const queueSpec = fc.oneof(
  optional(queueSections),
  fc
    .subarray(Object.entries(queueSections), { minLength: 1, maxLength: 2 })
    .chain((sections) => fc.record(Object.fromEntries(sections))),
)

const text = fc.oneof(
  fc.constantFrom(
    'a',
    'team',
    'example.com/team',
    'example.com/',
    '/a',
    'a/b/c',
    '-a',
    'a-',
    'A_b.c',
    'é',
    '',
    ' ',
    'a b',
  ),
  fc.constantFrom(
    'x'.repeat(63),
    'x'.repeat(64),
    `${'d'.repeat(63)}.com/a`,
    `${'d'.repeat(64)}.com/a`,
    'Example.com/a',
    'a..b/c',
  ),
  fc.string({ unit: fc.constantFrom(...'aZ09-_./'.split('')), maxLength: 8 }),
)
const quantityText = fc.oneof(
  fc.constantFrom<unknown>(
    1,
    0,
    -1,
    '1',
    '1.5',
    '.5',
    '5.',
    '100m',
    '1e3',
    '1E3',
    '1e-3',
    '+1Gi',
    '-1Gi',
    '1n',
    '1u',
    '1Ei',
    '1E',
  ),
  fc.constantFrom<unknown>('', ' ', '1 Gi', 'Gi', '1GB', '1KI', '1e', '1e3Gi', '--1', '1.5.5', 1.5),
  fc.string({ unit: fc.constantFrom(...'0159.eEkmMGi+-'.split('')), maxLength: 5 }),
)
const amount = fc.constantFrom<unknown>(1, 2, '1000m', '999m', '1.0005', '0.001k', '1', '2', '1.5m', '0.002', 'half')
const brokerSpec = fc.oneof(
  optional({
    durability: some(fc.constantFrom('Always', 'Interval'), 'Never', null),
    syncInterval: duration,
    replicas: some(fc.constant(1), 0, 2, 3, 6, null),
    storage: optional({ size, storageClassName: some(fc.constant('fast'), '', null) }),
  }),
  fc.dictionary(text, text, { maxKeys: 3 }).map((labels) => ({ podTemplate: { labels } })),
  fc.constantFrom(
    { podTemplate: { labels: null } },
    { podTemplate: { labels: { a: null } } },
    { resources: { limits: { cpu: null } } },
  ),
  fc.dictionary(text, text, { maxKeys: 3 }).map((annotations) => ({ podTemplate: { annotations } })),
  quantityText.map((memory) => ({ resources: { limits: { memory } } })),
  fc
    .tuple(amount, amount)
    .map(([requested, limit]) => ({ resources: { requests: { cpu: requested }, limits: { cpu: limit } } })),
)

/** How many of the tried manifests were taken, and how many refused. */
async function outcomesOf(kind: 'Queue' | 'QueueBroker', specs: fc.Arbitrary<object>) {
  const outcomes = { taken: 0, refused: 0 }
  const property = fc.asyncProperty(specs, async (spec) => {
    outcomes[(await agreedOutcome(manifest(kind, asJson(spec)))) ? 'taken' : 'refused'] += 1
  })
  await fc.assert(property, runs)
  return outcomes
}

const backoffSpec = fc
  .tuple(durationText, durationText)
  .map(([initial, max]) => ({ retry: { backoff: { initial, max } } }))
const nearMebibyte = fc.constantFrom(
  '1Mi',
  '1M',
  '1048.576k',
  '1048.577k',
  '1023.999Ki',
  '1024Ki',
  '1.001M',
  '1000001',
  '8Mi',
  '8M',
)
const messageSizeSpec = fc
  .tuple(nearMebibyte, nearMebibyte)
  .map(([maxMessageSize, maxBytes]) => ({ retention: { maxMessageSize, maxBytes }, deadLetter: { maxBytes: '1Gi' } }))

test.each([
  ['Queues', 'Queue', queueSpec],
  ['QueueBrokers', 'QueueBroker', brokerSpec],
  ['which of two durations is longer', 'Queue', backoffSpec],
  ['which of two sizes is bigger', 'Queue', messageSizeSpec],
] as const)('the API server and crds/ agree on %s', { timeout: 120_000 }, async (_what, kind, specs) => {
  const { taken, refused } = await outcomesOf(kind, specs)
  expect(taken).toBeGreaterThan(5)
  expect(refused).toBeGreaterThan(5)
})
