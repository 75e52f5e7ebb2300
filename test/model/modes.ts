import { parseQueueSpec, type QueueSpec } from '../../crds/index.ts'
import { isSpread } from '../../sidecar/lanes/lanes.ts'

/** A mode as schedules try it. */
export interface Mode {
  readonly name: string
  readonly spec: QueueSpec
  /** The same as a user writes it. */
  readonly input: object
  /** Keys, levels or paths to publish to; empty: the queue's own subject. */
  readonly keys: readonly string[]
  /** Whether what is delivered never goes back within a lane. */
  readonly exact: boolean
  /** Whether first deliveries come in the order of the whole stream. */
  readonly inOneLane: boolean
}

const MAX_ATTEMPTS = 3

const RETRY = {
  visibilityTimeout: '1s',
  maxAttempts: MAX_ATTEMPTS,
  backoff: { initial: '50ms', max: '200ms', jitterPercent: 0 },
}

function mode(name: string, settings: object, keys: readonly string[], exact = false): Mode {
  const input = { retry: RETRY, ...settings }
  const parsed = parseQueueSpec(input)
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems))
  return { name, spec: parsed.value, input, keys, exact, inOneLane: !isSpread(parsed.value) }
}

export const MODES = {
  fifo: mode('Fifo', {}, ['']),
  strictFifo: mode('Fifo, strict', { ordering: { strict: true } }, [''], true),
  keyedFifo: mode(
    'KeyedFifo',
    { ordering: { mode: 'KeyedFifo', keyedFifo: { partitions: 3 } } },
    ['a', 'b', 'c', 'd', 'e'],
    true,
  ),
  strictPriority: mode('Priority, Strict', { ordering: { mode: 'Priority', priority: { levels: 3, maxWait: '1s' } } }, [
    '',
    '0',
    '1',
    '2',
  ]),
  weightedPriority: mode(
    'Priority, Weighted',
    { ordering: { mode: 'Priority', priority: { levels: 3, policy: 'Weighted' } } },
    ['', '0', '1', '2'],
  ),
  lru: mode('Lru', { ordering: { mode: 'Lru' } }, ['a', 'b', 'c', 'd']),
  hierarchical: mode('Hierarchical', { type: 'Hierarchical', hierarchy: { maxSubQueues: 3, weights: { a: 2 } } }, [
    'a',
    'a.b',
    'c',
    'd.e.f',
  ]),
} as const
