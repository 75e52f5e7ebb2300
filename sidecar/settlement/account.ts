import { z } from 'zod'
import type { Outcome } from '../queue/lane-state.ts'

/** Why messages are gone that came to no end on record. */
export const LOSSES = ['replaced', 'evicted', 'expired'] as const
export type Loss = (typeof LOSSES)[number]

type Counts<Key extends string> = Readonly<Record<Key, number>>

const count = z.int().min(0)

/** As a snapshot of the settlement log keeps it. */
export const accountSchema = z.object({
  base: z.int(),
  ended: z.object({
    acknowledged: count,
    deadLettered: count,
    dropped: count,
    moved: count,
    purged: count,
    transferred: count,
  }),
  lost: z.object({ expired: count, evicted: count, replaced: count }),
  missed: count,
  sawTtl: z.boolean(),
})
export type AccountState = z.output<typeof accountSchema>

const nothing = { acknowledged: 0, deadLettered: 0, dropped: 0, moved: 0, purged: 0, transferred: 0 }

/**
 * What became of every message of one consumer group. The stream's last sequence counts all that were ever accepted, the settlement log
 * the ends; what is neither on record nor there is gone. Where a policy of the Queue says why, it is counted by that reason; the
 * rest is unaccounted for.
 *
 * Counts are kept by the records that they come from: a record adds to them when it is stored and when it is replayed, and a
 * snapshot has them all.
 */
export class Account {
  /** As many of the stream's messages are none of this group's: they were gone before it began. */
  #base: number
  readonly #ended: Record<Outcome, number>
  readonly #lost: Record<Loss, number>
  /** Messages that were seen to have left the stream with no end on record. */
  #missed: number
  /** Whether there were messages that end by a `Nats-TTL` of their own: nats-server removes them without a word. */
  sawTtl: boolean

  constructor({ base, ended, lost, missed, sawTtl }: AccountState) {
    this.#base = base
    this.#ended = { ...ended }
    this.#lost = { ...lost }
    this.#missed = missed
    this.sawTtl = sawTtl
  }

  static startingAt(base: number): Account {
    const lost = { expired: 0, evicted: 0, replaced: 0 }
    return new Account({ base, ended: nothing, lost, missed: 0, sawTtl: false })
  }

  get state(): AccountState {
    const { sawTtl } = this
    return { base: this.#base, ended: { ...this.#ended }, lost: { ...this.#lost }, missed: this.#missed, sawTtl }
  }

  /** So many more came to an end. */
  add(outcome: Outcome, count: number): void {
    this.#ended[outcome] += count
  }

  /** So many left the stream with no end on record. */
  miss(count: number): void {
    this.#missed += count
  }

  /** So many ended while they waited outside of the stream, which they had left or not entered yet. */
  endedWaiting(loss: Loss, count: number): void {
    this.#base -= count
    this.#missed += count
    this.#lost[loss] += count
  }

  /** What was lost with the end of the stream counts as accepted and ended still: its numbers are given anew. */
  rebase(last: number, there: number): void {
    this.#base = 0
    this.#base = this.accepted(last) - this.#sumOfEnds - this.#sumOfLosses - there
  }

  /** Messages that the group was given. A copy that took the place of its original is the same message. */
  accepted(last: number): number {
    return last - this.#base - this.#ended.moved
  }

  get ended(): Counts<Outcome> {
    return this.#ended
  }

  get lost(): Counts<Loss> {
    return this.#lost
  }

  /**
   * Accepted, with no end, not there, and for no reason that is known.
   *
   * @param there messages that wait or are in flight
   */
  unaccounted(last: number, there: number): number {
    return this.accepted(last) - this.#sumOfEnds - this.#sumOfLosses - there
  }

  /**
   * Counts what is unaccounted for by its reason.
   *
   * @param onlySeen no more than were seen to leave the stream: where each of them is seen
   */
  explain(loss: Loss, unaccounted: number, onlySeen: boolean): void {
    const seen = this.#missed + this.#ended.dropped - this.#sumOfLosses
    this.#lost[loss] += Math.max(0, onlySeen ? Math.min(unaccounted, seen) : unaccounted)
  }

  /** Messages that were taken for lost were with a consumer, who has ended so many of them after all. */
  takeBack(count: number): void {
    let left = count
    for (const loss of LOSSES) {
      const taken = Math.min(left, this.#lost[loss])
      this.#lost[loss] -= taken
      left -= taken
    }
  }

  get #sumOfEnds(): number {
    const { acknowledged, deadLettered, purged, transferred } = this.#ended
    return acknowledged + deadLettered + purged + transferred
  }

  get #sumOfLosses(): number {
    return this.#lost.expired + this.#lost.evicted + this.#lost.replaced
  }
}
