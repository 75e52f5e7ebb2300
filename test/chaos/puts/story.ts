/** Who publishes, and how. */
export interface PublisherKind {
  /** Publishes that wait for their acknowledgement. */
  readonly inFlight: number
  /** Whether each has a `Nats-Msg-Id`, and is published again until it is acknowledged. */
  readonly retries: boolean
}

export interface PutPublisher extends PublisherKind {
  readonly name: string
}

/** A message of a publisher, by its number. */
export const textOf = ({ name }: PutPublisher, number: number): string => `${name}:${number}`

/** What is in the stream. */
export interface Stored {
  readonly sequence: number
  readonly text: string
  /** Whether it was stored in a batch. */
  readonly isBatched: boolean
}

/** What a publisher knows of one message. */
interface Known {
  readonly publisher: PutPublisher
  readonly number: number
  tries: number
  /** That of its PubAck. */
  sequence?: number
  /** Kills that happened while it was not acknowledged. */
  kills: number
}

/** What went wrong, and how often. */
export const WRONGS = [
  /** Messages that were acknowledged and are not there. */
  'lost',
  /** Messages that are there more than once. */
  'doubled',
  /** Messages that are there under another sequence than their PubAck has. */
  'astray',
  /** Messages behind one that their publisher published after them. */
  'disordered',
  /** Messages that were to be published until they are acknowledged, and are not. */
  'unacknowledged',
] as const
export type Wrong = (typeof WRONGS)[number]

export interface PutVerdict extends Readonly<Record<Wrong, number>> {
  readonly published: number
  readonly acknowledged: number
  /** Those that were published more than once. */
  readonly retried: number
  readonly stored: number
  /** Of those that are stored. */
  readonly batched: number
  /** Publishes in flight at a kill; the median over the kills. */
  readonly inFlightAtKill: number
  readonly examples: readonly string[]
}

const EXAMPLES = 10

/** What publishers were told, to be compared with what is stored in the end. */
export class PutStory {
  readonly #known = new Map<string, Known>()
  readonly #open = new Set<Known>()
  readonly #inFlightAtKill: number[] = []

  /** It is published, once more maybe. */
  tried(publisher: PutPublisher, number: number): void {
    const text = textOf(publisher, number)
    const known = this.#known.get(text) ?? { publisher, number, tries: 0, kills: 0 }
    this.#known.set(text, known)
    this.#open.add(known)
    known.tries++
  }

  acknowledged(publisher: PutPublisher, number: number, sequence: number): void {
    const known = this.#known.get(textOf(publisher, number))
    if (known === undefined) throw new Error(`${textOf(publisher, number)} was not published`)
    known.sequence ??= sequence
    this.#open.delete(known)
  }

  /** Its publisher waits for the acknowledgement no longer. */
  failed(publisher: PutPublisher, number: number): void {
    const known = this.#known.get(textOf(publisher, number))
    if (known !== undefined) this.#open.delete(known)
  }

  /** A part of the broker is about to be killed. */
  killed(): void {
    this.#inFlightAtKill.push(this.#open.size)
    for (const known of this.#open) known.kills++
  }

  /** @param stored all that is in the stream, by sequence */
  verdict(stored: readonly Stored[]): PutVerdict {
    const places = new Map<string, number[]>()
    for (const { text, sequence } of stored) places.set(text, [...(places.get(text) ?? []), sequence])
    const wrongs: Array<{ readonly wrong: Wrong; readonly text: string }> = []
    for (const [text, { publisher, sequence }] of this.#known) {
      const at = places.get(text) ?? []
      if (at.length > 1) wrongs.push({ wrong: 'doubled', text })
      if (sequence === undefined && publisher.retries) wrongs.push({ wrong: 'unacknowledged', text })
      if (sequence === undefined || at.includes(sequence)) continue
      wrongs.push({ wrong: at.length === 0 ? 'lost' : 'astray', text })
    }
    for (const text of this.#disordered(stored)) wrongs.push({ wrong: 'disordered', text })
    const count = (wrong: Wrong): number => wrongs.filter((one) => one.wrong === wrong).length
    const all = [...this.#known.values()]
    return {
      published: all.length,
      acknowledged: all.filter(({ sequence }) => sequence !== undefined).length,
      retried: all.filter(({ tries }) => tries > 1).length,
      stored: stored.length,
      batched: stored.filter(({ isBatched }) => isBatched).length,
      inFlightAtKill: this.#inFlightAtKill.toSorted((a, b) => a - b)[this.#inFlightAtKill.length >> 1] ?? 0,
      lost: count('lost'),
      doubled: count('doubled'),
      astray: count('astray'),
      disordered: count('disordered'),
      unacknowledged: count('unacknowledged'),
      examples: wrongs.slice(0, EXAMPLES).map(({ wrong, text }) => `${wrong} ${this.#told(text, places)}`),
    }
  }

  /** One that was published again has its place from either time, and only who waits for each acknowledgement knows where that has to be. */
  #disordered(stored: readonly Stored[]): string[] {
    const last = new Map<PutPublisher, number>()
    const disordered: string[] = []
    for (const { text } of stored) {
      const known = this.#known.get(text)
      if (known === undefined || (known.tries > 1 && known.publisher.inFlight > 1)) continue
      const before = last.get(known.publisher) ?? -1
      if (known.number < before) disordered.push(text)
      last.set(known.publisher, Math.max(before, known.number))
    }
    return disordered
  }

  #told(text: string, places: ReadonlyMap<string, readonly number[]>): string {
    const { tries, kills, sequence } = this.#known.get(text) ?? {}
    return `${text}: ${tries} tries, ${kills} kills, acknowledged as ${sequence}, stored as ${places.get(text)?.join(' and ')}`
  }
}
