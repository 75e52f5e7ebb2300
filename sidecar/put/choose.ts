import { MAX_BATCH } from '../jetstream/atomic-batch.ts'

/** What is to be stored in a stream. */
export interface Load {
  /** Publishes that wait, and could make one batch. */
  readonly waiting: number
  /** Publishes that were passed on, and are not known to be stored. */
  readonly flying: number
  /** How many were together last: as many may well come again. */
  readonly expected: number
  /** How long they were waited for. Milliseconds. */
  readonly gatheredMs: number
}

/** What storing takes here, as measured. */
export interface Costs {
  /** A publish by itself, which is mostly a sync to disk. Milliseconds. */
  readonly singleMs: number
  /** A batch, however small. Milliseconds. */
  readonly batchMs: number
}

/** One by one, as a batch, or later: after so many milliseconds, or when an answer or a publish comes before. */
export type Choice = 'pass' | 'batch' | { readonly waitMs: number }

/** What a message adds to the time of a batch. Milliseconds. */
export const MESSAGE_MS = 0.01
/** For how much of the time of a batch others are waited for, which have just been answered and may publish again. */
const PATIENCE = 0.4

/** Whether so many are stored sooner in a batch than one by one. */
export const isWorth = (count: number, { singleMs, batchMs }: Costs): boolean =>
  count > 1 && count * (singleMs - MESSAGE_MS) > batchMs

/**
 * How the publishes that wait for a stream are to be stored, so that all together are stored soonest. Pure.
 *
 * A batch takes as long as some ten syncs, so few are passed on one by one. Where publishers wait for their answers, those of a batch come again
 * together, right after they were answered; so, before they are stored in two batches, one waits for the others, for less than a batch takes. It does
 * not wait where a batch is so large that its messages take longer than the rest of it: then one half is better on its way while the other is answered.
 */
export function choose({ waiting, flying, expected, gatheredMs }: Load, costs: Costs): Choice {
  const { batchMs } = costs
  const likely = Math.min(MAX_BATCH, expected - flying)
  const leftMs = PATIENCE * batchMs - gatheredMs
  const isLarge = waiting >= MAX_BATCH || waiting * MESSAGE_MS >= batchMs
  if (waiting < likely && isWorth(likely, costs) && leftMs > 0 && !isLarge) return { waitMs: leftMs }
  if (isWorth(waiting, costs)) return 'batch'
  if (flying === 0 || !isWorth(waiting + flying, costs)) return 'pass'
  return { waitMs: Number.POSITIVE_INFINITY }
}
