import { type Range, RangeSet } from './range-set.ts'
import type { SettlementRecord } from './record.ts'

/** How messages end of which there is a copy that is delivered again: at the tail, or in another Queue. */
const ELSEWHERE = ['moved', 'transferred'] as const

/**
 * Of the messages of a lane that ended because a copy took their place: when that was, by sequence; milliseconds since 1970. What was
 * longer ago than `since` is left out. So that an acknowledgement that comes too late is not confirmed after a restart either.
 *
 * @param through numbers above it were lost with the end of the stream, and are of other messages now
 */
export function goneElsewhere(
  records: readonly SettlementRecord[],
  consumer: string,
  { since, through }: { readonly since: number; readonly through: number },
): Map<number, number> {
  const gone = new Map<number, number>()
  for (const { at, lanes } of records) {
    if (at < since) continue
    for (const outcome of ELSEWHERE)
      for (const [from, to] of lanes[consumer]?.[outcome] ?? [])
        for (let sequence = from; sequence <= Math.min(to, through); sequence++) gone.set(sequence, at)
  }
  return gone
}

export const isElsewhere = (outcome: string): boolean => ELSEWHERE.some((one) => one === outcome)

/** What a snapshot says of them, beside that they are settled. */
export const rangesOf = (sequences: Iterable<number>): Range[] => [
  ...RangeSet.of(Array.from(sequences, (sequence): Range => [sequence, sequence])).ranges(),
]
