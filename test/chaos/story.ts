/** What clients know of one message. */
interface Known {
  /** The broker confirmed that it has the message. */
  accepted: boolean
  /** Somebody answered one of its deliveries with an acknowledgement. */
  acknowledged: boolean
  /** When an acknowledgement was confirmed first; monotonic milliseconds. */
  confirmedAt?: number
  /** How often nats-server had been killed when the broker confirmed that it has the message; undefined: it did not yet. */
  killsWhenAccepted?: number
  /** Something else was answered, or nothing: then it may be dead-lettered, and come back, beside its acknowledgement. */
  failed: boolean
  deliveries: number
  /** Acknowledgements that were confirmed since everybody only acknowledges. */
  endings: number
  /** Its producer may have sent it twice, further apart than the broker remembers. */
  mayBeTwice: boolean
  /** What happened to it, and when, for whoever looks for the cause. */
  readonly history: string[]
}

export interface Verdict {
  /** Messages that the broker had confirmed. */
  readonly published: number
  readonly acknowledged: number
  /** Confirmed to the producer, and never acknowledged by anybody. */
  readonly lost: number
  /** Delivered again after a confirmed acknowledgement, or there twice in the end. */
  readonly duplicates: number
  /** The same, of messages that nats-server brought back: it forgets in a crash that a newer one of their subject took their place. */
  readonly broughtBack: number
  readonly deliveries: number
  /** Some of those that are lost or doubled, with what happened to them, in milliseconds since the start. */
  readonly examples: readonly string[]
}

const EXAMPLES = 10

/** What became of every message, as clients saw it: at least once, and not again after the word that it is over. */
export class Story {
  readonly #known = new Map<string, Known>()
  readonly #doubled = new Set<string>()
  readonly #broughtBack = new Set<string>()
  /** What happened to the broker. */
  readonly #events: Array<{ readonly at: number; readonly what: string }> = []
  readonly #started = performance.now()
  #ending = false

  /** How often nats-server was killed. */
  get serverKills(): number {
    return this.#events.filter(({ what }) => what === 'killed server' || what === 'killed both' || what === 'power cut')
      .length
  }

  /** Something happened to the broker. */
  happened(what: string): void {
    this.#events.push({ at: this.#since(performance.now()), what })
  }

  /** From now on everybody only acknowledges, and nothing is brought back any more. */
  ends(): void {
    this.#ending = true
  }

  accepted(id: string): void {
    const known = this.#of(id, 'accepted')
    known.accepted = true
    known.killsWhenAccepted ??= this.serverKills
  }

  mayBeTwice(id: string): void {
    this.#of(id, 'may be twice').mayBeTwice = true
  }

  /**
   * @param at when it came; monotonic milliseconds
   * @param replaced whether one message takes the place of another where it is
   */
  delivered(id: string, at: number, which = '', replaced = false): void {
    const known = this.#of(id, `delivered ${which}`, at)
    known.deliveries++
    const { confirmedAt, killsWhenAccepted, failed, endings, mayBeTwice } = known
    if (confirmedAt === undefined || at <= confirmedAt || mayBeTwice) return
    if (failed && endings === 0) return
    if (replaced && this.serverKills > (killsWhenAccepted ?? 0)) this.#broughtBack.add(id)
    else this.#doubled.add(id)
  }

  /** An answer that is no acknowledgement, or none. */
  failed(id: string, how = 'failed'): void {
    this.#of(id, how).failed = true
  }

  acknowledged(id: string): void {
    this.#of(id, 'acknowledged').acknowledged = true
  }

  confirmed(id: string, at: number): void {
    const known = this.#of(id, 'confirmed')
    known.confirmedAt ??= at
    if (this.#ending) known.endings++
  }

  /** Accepted, and acknowledged by nobody so far. */
  get open(): string[] {
    return [...this.#known].filter(([, { accepted, acknowledged }]) => accepted && !acknowledged).map(([id]) => id)
  }

  get verdict(): Verdict {
    const all = [...this.#known.values()]
    const lost = this.open
    return {
      published: all.filter(({ accepted }) => accepted).length,
      acknowledged: all.filter(({ acknowledged }) => acknowledged).length,
      lost: lost.length,
      duplicates: this.#doubled.size,
      broughtBack: this.#broughtBack.size,
      deliveries: all.reduce((sum, { deliveries }) => sum + deliveries, 0),
      examples: [
        ...lost.slice(0, EXAMPLES).map((id) => `lost ${this.#told(id)}`),
        ...[...this.#doubled].slice(0, EXAMPLES).map((id) => `doubled ${this.#told(id)}`),
      ],
    }
  }

  #since(at: number): number {
    return Math.round(at - this.#started)
  }

  /** What happened to a message, and to the broker meanwhile. */
  #told(id: string): string {
    const all = (this.#known.get(id)?.history ?? []).map((entry) => ({ at: Number.parseInt(entry, 10), what: entry }))
    const [first, last] = [all[0]?.at ?? 0, all.at(-1)?.at ?? 0]
    const events = this.#events.filter(({ at }) => at >= first - 2000 && at <= last)
    const merged = [...all, ...events.map(({ at, what }) => ({ at, what: `${at} ${what}` }))]
    return `${id}: ${merged
      .toSorted((a, b) => a.at - b.at)
      .map(({ what }) => what)
      .join(', ')}`
  }

  /** @param at when it happened, where that is not now; monotonic milliseconds */
  #of(id: string, what: string, at = performance.now()): Known {
    let known = this.#known.get(id)
    if (known === undefined) {
      known = {
        accepted: false,
        acknowledged: false,
        failed: false,
        deliveries: 0,
        endings: 0,
        mayBeTwice: false,
        history: [],
      }
      this.#known.set(id, known)
    }
    known.history.push(`${this.#since(at)} ${what}`)
    return known
  }
}
