import { QUANTUM } from '../../../sidecar/pick/tree.ts'
import type { VerifierOptions } from '../options.ts'
import { subQueuePaths } from '../routing.ts'
import { ExclusiveOrder } from './exclusive.ts'
import { FifoOrder } from './fifo.ts'
import { HierarchicalOrder } from './hierarchical.ts'
import { KeyedFifoOrder } from './keyed-fifo.ts'
import { LruOrder } from './lru.ts'
import type { OrderCheck } from './order-check.ts'
import { PriorityOrder } from './priority.ts'

/** The check of the order that `options.mode` promises. */
export function orderOf(options: VerifierOptions): OrderCheck {
  const { mode, messages, producers, consumers, marginMs } = options
  switch (mode) {
    case 'Fifo':
      return new FifoOrder(producers, !options.oneByOne)
    case 'KeyedFifo':
      return new KeyedFifoOrder(messages, producers * options.keys)
    case 'Priority':
      return new PriorityOrder({ messages, levels: options.levels, marginMs, maxWaitMs: options.maxWaitMs })
    case 'Lru':
      return new LruOrder(messages)
    case 'Hierarchical':
      return new HierarchicalOrder({
        messages,
        paths: subQueuePaths(options.subQueues),
        consumers,
        quantum: QUANTUM,
        marginMs,
      })
    case 'Exclusive':
      return new ExclusiveOrder({
        producers,
        visibilityTimeoutMs: options.visibilityTimeoutMs,
        failoverMs: options.failoverMs,
      })
    default:
      return mode satisfies never
  }
}
