import type { JsMsg } from '@nats-io/jetstream'
import type { Mode } from '../../model/modes.ts'

interface Known {
  readonly key: string
  readonly answers: Set<'ack' | 'nak' | 'term'>
  deliveries: number
}

/** What a client saw of a Queue, against what the Queue's mode promises. */
export class Told {
  readonly #mode: Mode
  readonly #known = new Map<string, Known>()
  /** By key, the newest. */
  readonly #newest = new Map<string, string>()
  /** By sequence, what a client was told to be on record. */
  readonly #confirmed = new Set<number>()
  readonly #problems: string[] = []
  /** By lane, the highest sequence that was delivered. */
  readonly #highest = new Map<string, number>()

  constructor(mode: Mode) {
    this.#mode = mode
  }

  published(id: string, key: string): void {
    // It may have been delivered before its publisher was told.
    const { answers, deliveries } = this.#of(id)
    this.#known.set(id, { key, answers, deliveries })
    this.#newest.set(key, id)
  }

  /** @param last the last first delivery of the same pull, 0 where it is the first */
  delivered(message: JsMsg, last: number): void {
    const { seq, subject, info } = message
    const id = message.string()
    this.#of(id).deliveries++
    const { deliveryCount: attempt } = info
    if (this.#confirmed.has(seq)) this.#problems.push(`${id} was delivered after it was on record, attempt ${attempt}`)
    if (attempt > this.#mode.spec.retry.maxAttempts) this.#problems.push(`${id} was delivered ${attempt} times`)
    if (this.#mode.inOneLane && attempt === 1 && seq < last)
      this.#problems.push(`${id}, ${seq}, was delivered after ${last}`)
    // In mode KeyedFifo the lane is the partition, the first name after the queue's.
    const lane = this.#mode.exact ? (subject.split('.')[2] ?? '') : ''
    const highest = this.#highest.get(lane) ?? 0
    if (this.#mode.exact && seq < highest) this.#problems.push(`${id}, ${seq}, was delivered after ${highest}`)
    this.#highest.set(lane, Math.max(seq, highest))
  }

  answered(id: string, answer: 'ack' | 'nak' | 'term'): void {
    this.#of(id).answers.add(answer)
  }

  confirmed(sequence: number): void {
    this.#confirmed.add(sequence)
  }

  /** @param letters the dead letters that there are */
  problems(letters: readonly string[]): string[] {
    const dead = new Set(letters)
    const found = [...this.#problems]
    if (dead.size < letters.length) found.push(`a dead letter twice: ${letters.join(' ')}`)
    for (const [id, { key, answers, deliveries }] of this.#known) {
      const isReplaced = this.#mode.spec.ordering.mode === 'Lru' && this.#newest.get(key) !== id
      if (!answers.has('ack') && !dead.has(id) && !isReplaced) found.push(`${id} is lost`)
      const mayBeDead = answers.has('term') || deliveries >= this.#mode.spec.retry.maxAttempts
      if (dead.has(id) && !mayBeDead) found.push(`${id} is a dead letter after ${deliveries} deliveries`)
      if (dead.has(id) && answers.has('ack') && answers.size === 1 && deliveries === 1)
        found.push(`${id} is acknowledged and dead`)
    }
    return found
  }

  #of(id: string): Known {
    const known = this.#known.get(id) ?? { key: '', answers: new Set(), deliveries: 0 }
    this.#known.set(id, known)
    return known
  }
}
