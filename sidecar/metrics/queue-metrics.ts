import type { Observation } from '../queue/observe.ts'
import { messageCounts } from '../queue/observe.ts'
import type { Metrics } from './metrics.ts'

/** The metrics of one Queue. */
export class QueueMetrics {
  readonly #m: Metrics
  readonly #queue: string

  constructor(metrics: Metrics, queue: string) {
    this.#m = metrics
    this.#queue = queue
  }

  pull(group: string): void {
    this.#m.pulls.inc({ queue: this.#queue, group })
  }

  nacked(group: string): void {
    this.#m.nacked.inc({ queue: this.#queue, group })
  }

  redelivered(group: string, times: number): void {
    if (times > 0) this.#m.redelivered.inc({ queue: this.#queue, group }, times)
  }

  ended(group: string, count: number): void {
    if (count > 0) this.#m.acknowledged.inc({ queue: this.#queue, group }, count)
  }

  deadLettered(group: string, reason: string): void {
    this.#m.deadLettered.inc({ queue: this.#queue, group, reason })
  }

  dropped(reason: string, count: number): void {
    if (count > 0) this.#m.dropped.inc({ queue: this.#queue, reason }, count)
  }

  failedOver(group: string): void {
    this.#m.failovers.inc({ queue: this.#queue, group })
  }

  invalid(kind: 'ack' | 'delay'): void {
    this.#m.invalid.inc({ queue: this.#queue, kind })
  }

  delayedEnded(outcome: 'moved' | 'expired' | 'replaced' | 'gone'): void {
    this.#m.delayedEnded.inc({ queue: this.#queue, outcome })
  }

  delayedRefused(count: number): void {
    if (count > 0) this.#m.delayedRefused.inc({ queue: this.#queue }, count)
  }

  /** Found between two steps: given up without a word, on record and still there, or dead-lettered and not on record. */
  repaired(kind: 'given-up' | 'recorded' | 'dead-lettered' | 'moved'): void {
    this.#m.repairs.inc({ queue: this.#queue, kind })
  }

  drift(count: number): void {
    if (count > 0) this.#m.drift.inc({ queue: this.#queue }, count)
  }

  appended(seconds: number, messages: number): void {
    this.#m.appendSeconds.observe({ queue: this.#queue }, seconds)
    this.#m.batchMessages.observe({ queue: this.#queue }, messages)
  }

  purged(seconds: number): void {
    this.#m.purgeSeconds.observe({ queue: this.#queue }, seconds)
  }

  observed(
    observation: Observation,
    limits: { messages: number; bytes: number; paused: boolean },
    oldest: number,
    held: (group: string) => number,
  ): void {
    const queue = this.#queue
    const counts = messageCounts(observation)
    this.#m.ready.set({ queue }, counts.ready)
    this.#m.inFlight.set({ queue }, counts.inFlight)
    this.#m.delayed.set({ queue }, counts.delayed)
    this.#m.deadLetters.set({ queue }, counts.deadLettered)
    this.#m.bytes.set({ queue }, observation.stream.state.bytes)
    this.#m.limitMessages.set({ queue }, limits.messages)
    this.#m.limitBytes.set({ queue }, limits.bytes)
    this.#m.paused.set({ queue }, limits.paused ? 1 : 0)
    this.#m.oldestAge.set({ queue }, oldest)
    this.#m.setPublished(queue, observation.stream.state.last_seq)
    for (const [group, lanes] of Map.groupBy(observation.lanes, ({ state }) => state.group)) {
      const labels = { queue, group }
      const sum = (of: (lane: (typeof lanes)[number]) => number): number => lanes.reduce((total, l) => total + of(l), 0)
      this.#m.waitingPulls.set(labels, sum(({ info }) => info.num_waiting) + held(group))
      this.#m.unrecorded.set(
        labels,
        sum(({ state }) => state.ledger.unrecorded),
      )
      this.#m.beginAtZero(queue, group)
      this.#m.setDelivered(
        queue,
        group,
        sum(({ info }) => info.delivered.consumer_seq),
      )
    }
  }

  /** What became of every message of a group. */
  balanced(group: string, counts: Readonly<Record<string, number>>, unaccounted: number | null): void {
    this.#m.setEnded(this.#queue, group, counts)
    if (unaccounted !== null) this.#m.unaccounted.set({ queue: this.#queue, group }, unaccounted)
  }

  /** Takes the Queue's series out of what is exported. */
  remove(groups: readonly string[]): void {
    this.#m.remove(this.#queue, groups)
  }
}
