import { conditionOf, type Fact, isFalse, isTrue, isUnknown } from '../condition.ts'
import type { QueueFacts } from './facts.ts'

export const TRANSACTIONS_DECIDED = 'TransactionsDecided'

/**
 * Whether somebody has to decide transactions that send to the Queue or acknowledge messages of it, its broker's own and those that it has a part
 * in. A Queue with one in doubt is as ready
 * as another; only what that one holds waits. While the broker cannot be asked, what it said last stands.
 */
export function transactionsDecided({ observation, previous }: QueueFacts): Fact {
  if (observation === undefined) {
    const before = conditionOf(previous?.conditions, TRANSACTIONS_DECIDED)
    if (before === undefined) return isUnknown('NotCounted', 'the broker was not asked yet')
    return { status: before.status, reason: before.reason, message: before.message }
  }
  const { transactionsInDoubt } = observation
  if (transactionsInDoubt === undefined)
    return isUnknown('NotCounted', "the broker's sidecar does not count transactions in doubt; update its image")
  if (transactionsInDoubt === 0) return isTrue('NoneInDoubt', 'no transaction is in doubt')
  const what = transactionsInDoubt === 1 ? '1 transaction is' : `${transactionsInDoubt} transactions are`
  const why = 'their producers were asked in vain, or another broker that they span is gone'
  const todo = 'pillion tx list says which, and what is to be decided with pillion tx resolve'
  return isFalse('InDoubt', `${what} in doubt, and what waits for them stays so: ${why}; ${todo}`)
}
