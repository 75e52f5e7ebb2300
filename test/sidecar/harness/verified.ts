import type { GivenOptions } from '../../verify/options.ts'
import type { Report } from '../../verify/report.ts'
import { runVerifier } from '../../verify/verifier.ts'
import type { TestBroker } from '../harness.ts'
import type { QueueInput } from './api.ts'

/** A Queue of one mode, and how the verifier is to treat it. */
export interface VerifiedMode {
  readonly name: string
  readonly spec: QueueInput
  readonly options: Partial<GivenOptions>
}

export const VERIFIED: readonly VerifiedMode[] = [
  { name: 'Fifo', spec: {}, options: { mode: 'Fifo', producers: 2, consumers: 2 } },
  {
    name: 'KeyedFifo',
    spec: { ordering: { mode: 'KeyedFifo', keyedFifo: { partitions: 32 } } },
    options: { mode: 'KeyedFifo', producers: 2 },
  },
  { name: 'Priority', spec: { ordering: { mode: 'Priority' } }, options: { mode: 'Priority', producers: 2 } },
  {
    name: 'Priority, maxWait',
    spec: { ordering: { mode: 'Priority', priority: { levels: 4, maxWait: '3s' } } },
    options: { mode: 'Priority', levels: 4, maxWaitMs: 3000 },
  },
  { name: 'Lru', spec: { ordering: { mode: 'Lru' } }, options: { mode: 'Lru', keys: 1000 } },
  { name: 'Hierarchical', spec: { type: 'Hierarchical' }, options: { mode: 'Hierarchical', consumers: 1 } },
  {
    name: 'Exclusive',
    spec: { type: 'Exclusive', exclusive: { failover: '2s' } },
    options: { mode: 'Exclusive', failoverMs: 2000, visibilityTimeoutMs: 2000 },
  },
]

/** Under faults: short, so that what one left unanswered is soon delivered again; and none uses up a message's attempts. */
const RETRY = { visibilityTimeout: '2s', maxAttempts: 0 }

let made = 0

/**
 * Runs the verifier against new Queues of these modes, all at once, and does `fault` to the broker meanwhile.
 * @throws Error when there was no time at which messages flowed in all of them: then there was nothing to disturb
 */
export async function verifyModes(
  broker: TestBroker,
  modes: readonly VerifiedMode[],
  common: Partial<GivenOptions>,
  fault?: () => Promise<void>,
): Promise<Report[]> {
  const latest = new Map<string, Report>()
  let faulted: Promise<void> | undefined
  const faulty = fault !== undefined || (common.killConsumers ?? 0) > 0
  const queues = modes.map(({ spec, options }) => ({ queue: `verified${++made}`, spec, options }))
  for (const { queue, spec } of queues) await broker.api.put(queue, faulty ? { retry: RETRY, ...spec } : spec)
  const runs = queues.map(({ queue, options }) =>
    runVerifier(
      { server: broker.nats.url, settleMs: 30_000, ...common, ...options, queue },
      {
        onProgress: (report) => {
          latest.set(queue, report)
          const all = [...latest.values()]
          // Something of each was consumed, and of none all.
          const flowing = all.every(
            ({ consumed, replaced, published, unsent }) => consumed > 0 && consumed + replaced < published + unsent,
          )
          if (fault !== undefined && all.length === modes.length && flowing) faulted ??= fault()
        },
      },
    ),
  )
  const reports = await Promise.all(runs)
  if (fault !== undefined && faulted === undefined) throw new Error('the modes did not flow all at once')
  await faulted
  if (process.env.PILLION_VERIFY_REPORT !== undefined) for (const report of reports) console.log(JSON.stringify(report))
  return reports
}
