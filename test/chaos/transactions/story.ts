import { delayOf, type PlannedSend } from './plan.ts'

/** A message of a Queue, by its sequence in the stream. */
export interface Which {
  readonly queue: string
  readonly sequence: number
}

/** What clients know of one transaction. */
interface KnownTransaction {
  readonly sends: readonly PlannedSend[]
  acks: readonly Which[]
  /** When its client asked first that it be committed; undefined: it never did. Monotonic milliseconds. */
  askedAt?: number
  /** The first end that its client was told of, and when. */
  told?: { readonly end: End; readonly at: number }
  /** How it has to end, since only its client decides, and it is prepared. */
  wish?: End
  /** What the broker says in the end. */
  end?: End | 'Undecided'
}

interface KnownMessage {
  /** Of the body. */
  readonly text: string
  readonly firstAt: number
  lastAt: number
  /** When somebody outside of any transaction was told that it is acknowledged. */
  acknowledgedAt?: number
  /** An acknowledgement outside of any transaction was not confirmed: it may have ended by it. */
  mayBeOver: boolean
}

export type End = 'Committed' | 'Aborted'

/** What went wrong, and how often. */
export const WRONGS = [
  /** Transactions that the broker has not brought to an end. */
  'undecided',
  /** Transactions that ended otherwise than their client was told, or had decided. */
  'contradicted',
  /** Transactions of which a part of the sends is there. */
  'partial',
  /** Sends of committed transactions that are not there. */
  'lost',
  /** Sends of aborted transactions that are there. */
  'leaked',
  /** Sends that are there more than once. */
  'doubled',
  /** Sends that were delivered before it was asked that they be committed, or before their time. */
  'early',
  /** Sends of a transaction to one Queue, but for those that come later, that are not next to each other, in order. */
  'apart',
  /** Messages that are gone, and nobody acknowledged them. */
  'vanished',
  /** Messages that a committed transaction acknowledges and another or somebody else had acknowledged before, and such as came again after that. */
  'consumedTwice',
] as const
export type Wrong = (typeof WRONGS)[number]

export interface TxVerdict extends Readonly<Record<Wrong, number>> {
  readonly transactions: number
  readonly committed: number
  readonly aborted: number
  /** Of committed transactions. */
  readonly sends: number
  readonly acknowledged: number
  /** Deliveries, each message counted once. */
  readonly messages: number
  readonly examples: readonly string[]
}

const EXAMPLES = 10
/** What was on its way to one connection may be read after what came over another later. Milliseconds. */
const READ_LATE_MS = 200
/** By so much a broker's clock, which has whole milliseconds, and this process' may differ over a delay. Milliseconds. */
const CLOCKS_MS = 5

/** What became of every transaction, as clients saw it: all of it or nothing, and each part once. */
export class TxStory {
  readonly #transactions = new Map<string, KnownTransaction>()
  /** By Queue and sequence. */
  readonly #messages = new Map<string, KnownMessage>()

  began(id: string, sends: readonly PlannedSend[], acks: readonly Which[]): void {
    this.#transactions.set(id, { sends, acks })
  }

  /** @param at monotonic milliseconds, here and below */
  askedToCommit(id: string, at: number): void {
    const known = this.#transactions.get(id)
    if (known !== undefined) known.askedAt ??= at
  }

  told(id: string, end: End, at: number): void {
    const known = this.#transactions.get(id)
    if (known !== undefined) known.told ??= { end, at }
  }

  /** It is prepared, and its client says this whenever it is asked. */
  wished(id: string, end: End): void {
    const known = this.#transactions.get(id)
    if (known !== undefined) known.wish = end
  }

  ended(id: string, end: End | 'Undecided'): void {
    const known = this.#transactions.get(id)
    if (known !== undefined) known.end = end
  }

  get ids(): string[] {
    return [...this.#transactions.keys()]
  }

  delivered({ queue, sequence }: Which, text: string, at: number): void {
    const key = `${queue} ${sequence}`
    const known = this.#messages.get(key)
    if (known === undefined) this.#messages.set(key, { text, firstAt: at, lastAt: at, mayBeOver: false })
    else known.lastAt = Math.max(known.lastAt, at)
  }

  /** Outside of a transaction. @param at undefined: it is not known whether the broker took it */
  acknowledged({ queue, sequence }: Which, at: number | undefined): void {
    const known = this.#messages.get(`${queue} ${sequence}`)
    if (known === undefined) return
    if (at === undefined) known.mayBeOver = true
    else known.acknowledgedAt ??= at
  }

  /** To be asked when every transaction is at its end, and nothing is left in the Queues. */
  get verdict(): TxVerdict {
    const wrongs: Array<readonly [Wrong, string]> = []
    const byText = this.#byText()
    const committed: KnownTransaction[] = []
    for (const [id, known] of this.#transactions) {
      const { end, told, wish } = known
      if (end === 'Committed') committed.push(known)
      if (end === undefined || end === 'Undecided') wrongs.push(['undecided', id])
      else if (told !== undefined && told.end !== end)
        wrongs.push(['contradicted', `${id}: told ${told.end}, is ${end}`])
      else if (wish !== undefined && wish !== end)
        wrongs.push(['contradicted', `${id}: its client says ${wish}, is ${end}`])
      wrongs.push(...sendsWrong(id, known, byText))
    }
    wrongs.push(...this.#consumptionWrong())
    const count = (wrong: Wrong): number => wrongs.filter(([what]) => what === wrong).length
    return {
      transactions: this.#transactions.size,
      committed: committed.length,
      aborted: [...this.#transactions.values()].filter(({ end }) => end === 'Aborted').length,
      sends: committed.reduce((sum, { sends }) => sum + sends.length, 0),
      acknowledged: committed.reduce((sum, { acks }) => sum + acks.length, 0),
      messages: this.#messages.size,
      undecided: count('undecided'),
      contradicted: count('contradicted'),
      partial: count('partial'),
      lost: count('lost'),
      leaked: count('leaked'),
      doubled: count('doubled'),
      early: count('early'),
      apart: count('apart'),
      vanished: count('vanished'),
      consumedTwice: count('consumedTwice'),
      examples: wrongs.slice(0, EXAMPLES).map(([what, example]) => `${what} ${example}`),
    }
  }

  #byText(): Map<string, Found[]> {
    const found = new Map<string, Found[]>()
    for (const [key, { text, firstAt }] of this.#messages) {
      const [queue = '', sequence] = key.split(' ')
      found.set(text, [...(found.get(text) ?? []), { queue, sequence: Number(sequence), firstAt }])
    }
    return found
  }

  #consumptionWrong(): Array<readonly [Wrong, string]> {
    const by = Map.groupBy(
      [...this.#transactions].flatMap(([id, known]) =>
        known.end === 'Committed' ? known.acks.map((ack) => ({ id, known, ack })) : [],
      ),
      ({ ack: { queue, sequence } }) => `${queue} ${sequence}`,
    )
    const wrongs: Array<readonly [Wrong, string]> = []
    for (const [key, { text, lastAt, acknowledgedAt = Number.POSITIVE_INFINITY, mayBeOver }] of this.#messages) {
      // One that was given a message twice, and acknowledges both, consumes it once.
      const transactions = [...new Map(by.get(key)?.map((one) => [one.id, one])).values()]
      const [first, ...more] = transactions
      const who = `${key} (${text}): ${transactions.map(({ id }) => id).join(', ') || 'no transaction'}`
      if (first === undefined && acknowledgedAt === Number.POSITIVE_INFINITY && !mayBeOver)
        wrongs.push(['vanished', who])
      if (more.length > 0) wrongs.push(['consumedTwice', who])
      // Whoever has it in hand beside a transaction may acknowledge after that: it changes nothing. Before, the transaction has to be refused.
      const { told, askedAt = 0 } = first?.known ?? {}
      if (acknowledgedAt < askedAt) wrongs.push(['consumedTwice', `${who}, and somebody before`])
      const late = lastAt - Math.min(told?.at ?? Number.POSITIVE_INFINITY, acknowledgedAt)
      if (late > READ_LATE_MS)
        wrongs.push(['consumedTwice', `${who}; came ${Math.round(late)} ms after the word that it is over`])
    }
    return wrongs
  }
}

interface Found extends Which {
  readonly firstAt: number
}

function sendsWrong(
  id: string,
  { sends, end, askedAt }: KnownTransaction,
  byText: ReadonlyMap<string, readonly Found[]>,
): Array<readonly [Wrong, string]> {
  const wrongs: Array<readonly [Wrong, string]> = []
  const there = sends.map((send) => ({ send, found: byText.get(send.body) ?? [] }))
  for (const { send, found } of there) {
    const [first, ...more] = found
    const what = `${send.body} in ${send.queue}, transaction ${end}`
    if (first === undefined) {
      if (end === 'Committed') wrongs.push(['lost', what])
      continue
    }
    if (end === 'Aborted') wrongs.push(['leaked', what])
    if (more.length > 0) wrongs.push(['doubled', `${what}: ${found.map(({ sequence }) => sequence).join(', ')}`])
    const from = (askedAt ?? Number.POSITIVE_INFINITY) + Math.max(0, delayOf(send) - CLOCKS_MS)
    if (first.firstAt < from) wrongs.push(['early', what])
  }
  const count = there.filter(({ found }) => found.length > 0).length
  if (count > 0 && count < sends.length) wrongs.push(['partial', `${id}: ${count} of ${sends.length} sends`])
  const atOnce = there.filter(({ send }) => send.headers === undefined)
  for (const [queue, own] of Map.groupBy(atOnce, ({ send }) => send.queue)) {
    const sequences = own.flatMap(({ found }) => found.slice(0, 1).map(({ sequence }) => sequence))
    const [start = 0] = sequences
    if (sequences.some((sequence, at) => sequence !== start + at))
      wrongs.push(['apart', `${id} in ${queue}: ${sequences.join(', ')}`])
  }
  return wrongs
}
