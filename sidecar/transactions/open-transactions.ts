import type { Logger } from 'pino'
import type { CarriedOut, Decision, Vote } from '../../crds/protocol/participations.ts'
import { MAX_OPEN, type Transaction } from '../../crds/protocol/transaction.ts'
import type { JetStreamAccess } from '../jetstream/access.ts'
import type { Peers } from '../peers/peers.ts'
import type { Queue } from '../queue/queue.ts'
import { SidecarError } from '../sidecar-error.ts'
import { Calls, type Heard } from './calls.ts'
import type { Answer } from './check-back.ts'
import { bytesOf, type Queues } from './content.ts'
import { type Entry, loadedEntry } from './entry.ts'
import { absentees, isInDoubt, shownNow } from './in-doubt.ts'
import { TransactionLog } from './log.ts'
import { Producers } from './producers.ts'
import type { Asked, TransactionRecord } from './record.ts'
import { PRODUCER, Run } from './run.ts'
import type { StagedSend } from './sends.ts'
import { laterTarget } from './target.ts'

/** Sends of transactions that are not at their end, together. Bytes. */
const MAX_BYTES_OPEN = 64 * 1024 * 1024
/** Transactions that are cleared from the log together. */
const CLEAR_AT = 500
/** How long one waits for others to be cleared with. Milliseconds. */
const CLEAR_MS = 250

export interface TransactionsOptions {
  readonly js: JetStreamAccess
  readonly logger: Logger
  readonly queues: Queues
  readonly peers: Peers
  /** A transaction that this broker coordinates came to its end. */
  readonly ended: (outcome: 'committed' | 'aborted') => void
  /** A producer was asked. */
  readonly checkedBack: (answer: Answer) => void
}

/** The transactions that are not at their end: a broker's own, and its parts of others' transactions. */
export class OpenTransactions implements Heard {
  readonly #o: TransactionsOptions
  readonly log: TransactionLog
  readonly run: Run
  readonly #calls: Calls
  readonly #producers: Producers
  readonly #open = new Map<string, Entry>()
  /** At their end, and still in the log. */
  readonly #toClear: string[] = []
  #clearTimer: NodeJS.Timeout | undefined
  /** On record, and nobody knows what. */
  readonly #unreadable = new Set<string>()

  private constructor(options: TransactionsOptions, log: TransactionLog) {
    const { js, logger, queues, peers } = options
    this.#o = options
    this.log = log
    this.#calls = new Calls(peers, this)
    this.#producers = new Producers(js.connection)
    this.run = new Run({
      js,
      logger,
      queues,
      log,
      send: (entry, to, order) => this.#calls.send(entry, to, order),
      ask: (entry) => this.#calls.ask(entry),
    })
  }

  /** Reads what is on record. To be called before the Queues are started, which would let go of what is to be held. */
  static async open(options: TransactionsOptions): Promise<OpenTransactions> {
    const { js, logger } = options
    const log = new TransactionLog(js)
    await log.ensure()
    const transactions = new OpenTransactions(options, log)
    const known = new Set<string>()
    const ended: string[] = []
    const all = await log.all((id) => {
      known.add(id)
      transactions.#unreadable.add(id)
      logger.error({ transaction: id }, 'the record of a transaction could not be read; it is left as it is')
    })
    for (const { record, sequence } of all) {
      known.add(record.id)
      if ((await log.ended(record.id)) === undefined) transactions.#open.set(record.id, loadedEntry(record, sequence))
      else ended.push(record.id)
    }
    await log.clear(ended)
    await log.clearOrphans(known)
    return transactions
  }

  /** To be called before a Queue is started. */
  restoreHolds(queue: Queue): void {
    for (const { id, record } of this.#open.values()) {
      if (record.participant?.phase !== 'committing') continue
      const marks = new Map(Object.entries(record.participant.after))
      const after = marks.get(queue.name)
      if (after !== undefined) queue.holds.restore(id, after)
      if (marks.has(laterTarget(queue.name))) queue.delayed.restoreHold(id)
    }
  }

  get size(): number {
    return this.#open.size
  }

  get(id: string): Entry | undefined {
    return this.#open.get(id)
  }

  isUnreadable(id: string): boolean {
    return this.#unreadable.has(id)
  }

  /** As clients are shown it. */
  show(entry: Entry): Transaction {
    return shownNow(entry, this.#o.peers, Date.now())
  }

  isInDoubt(entry: Entry): boolean {
    return isInDoubt(entry, this.#o.peers, Date.now())
  }

  /** Participants that somebody may decide not to wait for any more. */
  absentees(entry: Entry): string[] {
    return absentees(entry, this.#o.peers, Date.now())
  }

  values(): Iterable<Entry> {
    return this.#open.values()
  }

  /** Throws SidecarError TooManyTransactions. */
  add(entry: Entry): Entry {
    if (this.#open.size >= MAX_OPEN) {
      throw new SidecarError(
        'TooManyTransactions',
        `${MAX_OPEN} transactions are not at their end; try again when some are`,
      )
    }
    this.#open.set(entry.id, entry)
    return entry
  }

  /** Gives a transaction what it sends. Throws SidecarError TooManyTransactions. */
  keep(entry: Entry, sends: readonly StagedSend[]): void {
    const bytes = bytesOf(sends)
    let all = bytes - entry.bytes
    for (const one of this.#open.values()) all += one.bytes
    if (all > MAX_BYTES_OPEN) {
      throw new SidecarError(
        'TooManyTransactions',
        `transactions that are not at their end have ${MAX_BYTES_OPEN} bytes together; try again when some are`,
      )
    }
    entry.sends = [...sends]
    entry.bytes = bytes
  }

  forget(entry: Entry): void {
    entry.isOver = true
    this.#open.delete(entry.id)
    this.run.release(entry)
  }

  /** What is on record of the end of one that is new in memory; if anything is, or that cannot be told, it is forgotten. */
  async endedOrForget(entry: Entry): Promise<TransactionRecord | undefined> {
    try {
      const ended = await this.log.ended(entry.id)
      if (ended !== undefined) this.forget(entry)
      return ended
    } catch (error) {
      this.forget(entry)
      throw error
    }
  }

  /** Puts on record what is not, or that it came to its end, and sends what is to be sent then. */
  async conclude(entry: Entry): Promise<void> {
    try {
      await this.#conclude(entry)
    } finally {
      for (const watcher of entry.watchers) watcher()
    }
  }

  async #conclude(entry: Entry): Promise<void> {
    const { of, coordinator, participant } = entry.record
    const { phase } = (of === undefined ? coordinator : participant) ?? {}
    const isEnd = phase === 'committed' || phase === 'aborted'
    const isOpen = participant?.phase === 'prepared' || participant?.phase === 'committing'
    if (!isEnd || isOpen) return this.run.flush(entry)
    const record = { ...entry.record, endedAt: Date.now() }
    try {
      await this.log.end(record)
    } catch (error) {
      entry.isLost = true
      throw new SidecarError(
        'BrokerNotReady',
        `it is not known whether the end of transaction ${entry.id} is on record; ask again with the same id`,
        { cause: error },
      )
    }
    entry.record = record
    this.forget(entry)
    this.run.sendOrders(entry)
    if (of === undefined) this.#o.ended(phase)
    if (entry.sequence > 0) this.#clear(entry.id)
  }

  /** Of one whose end is remembered: with others, so that it is no work between them. */
  #clear(id: string): void {
    this.#toClear.push(id)
    if (this.#toClear.length >= CLEAR_AT) this.#clearAll()
    else this.#clearTimer ??= setTimeout(() => this.#clearAll(), CLEAR_MS)
  }

  #clearAll(): void {
    clearTimeout(this.#clearTimer)
    this.#clearTimer = undefined
    this.log.clear(this.#toClear.splice(0)).catch((error: unknown) => {
      this.#o.logger.debug({ err: error }, 'what ended transactions left is removed later')
    })
  }

  /** A write failed: what is on record holds, as after a crash. */
  async reload(entry: Entry): Promise<void> {
    const ended = await this.log.ended(entry.id)
    if (ended !== undefined) {
      entry.record = ended
      this.#clear(entry.id)
      return this.forget(entry)
    }
    const logged = await this.log.reload(entry.id)
    if (logged === undefined) {
      await this.log.remove(entry.id)
      return this.forget(entry)
    }
    const { lock, bytes, calls, watchers } = entry
    Object.assign(entry, { ...loadedEntry(logged.record, logged.sequence), lock, bytes, calls, watchers })
    for (const queue of this.#o.queues.values()) this.restoreHolds(queue)
    await this.restart(entry)
  }

  async restart(entry: Entry): Promise<void> {
    await this.run.coordinate(entry, { kind: 'restart' })
    await this.run.participate(entry, { kind: 'restart' })
  }

  async tick(entry: Entry): Promise<void> {
    await this.run.coordinate(entry, { kind: 'tick' })
    await this.run.participate(entry, { kind: 'tick' })
  }

  /** Does something about one in its turn, if it is not over then. Never rejects: what fails is tried again at a later look. */
  async goOn(entry: Entry, work: () => Promise<void>): Promise<void> {
    await entry.lock
      .run(async () => {
        if (entry.isLost) await this.reload(entry)
        if (entry.isOver) return
        await work()
        if (!entry.isOver) await this.conclude(entry)
        const { asks } = entry.record
        if (!entry.asks || asks === undefined) return
        entry.asks = false
        void this.#askProducer(entry, asks)
      })
      .catch((error: unknown) => {
        this.#o.logger.warn({ err: error, transaction: entry.id }, 'could not go on with a transaction; trying again')
      })
  }

  vote(entry: Entry, from: string, vote: Vote): Promise<void> {
    return this.goOn(entry, async () => {
      entry.waits.delete(from)
      if (vote.vote === 'yes') {
        told(entry, from, vote.queues)
        return this.run.coordinate(entry, { kind: 'vote', from, yes: true })
      }
      const error = { ...vote.error, message: `broker ${from}: ${vote.error.message}` }
      if (entry.record.coordinator?.phase === 'preparing') entry.record = { ...entry.record, error }
      return this.run.coordinate(entry, { kind: 'vote', from, yes: false, reason: error.message })
    })
  }

  carriedOut(entry: Entry, from: string, { done, reason, queues }: CarriedOut): Promise<void> {
    return this.goOn(entry, async () => {
      if (!done) return void entry.waits.set(from, `broker ${from}: ${reason ?? 'it carries it out'}`)
      entry.waits.delete(from)
      told(entry, from, queues)
      return this.run.coordinate(entry, { kind: 'done', from })
    })
  }

  decision(entry: Entry, { decision, inDoubt = false }: Decision): Promise<void> {
    const coordinator = entry.record.of?.coordinator ?? ''
    return this.goOn(entry, async () => {
      entry.isInDoubtThere = inDoubt
      if (decision !== 'wait') return this.run.order(entry, decision)
      entry.waits.set(coordinator, `broker ${coordinator}, whose transaction it is, has not decided it yet`)
    })
  }

  /** Not under the transaction's lock: its client may decide meanwhile, and then the answer comes too late. */
  async #askProducer(entry: Entry, asks: Asked): Promise<void> {
    const { id, startedAt, coordinator } = entry.record
    const limitMs = coordinator?.phase === 'prepared' ? (coordinator.checkBack?.intervalMs ?? 0) : 0
    const { answer, why } = await this.#producers.ask(
      asks,
      { id, startedAt: new Date(startedAt).toISOString() },
      limitMs,
    )
    this.#o.checkedBack(answer)
    if (why !== undefined)
      this.#o.logger.warn(
        { transaction: id, ...asks, why },
        'a producer did not say what is to become of its transaction',
      )
    await this.goOn(entry, async () => {
      if (why === undefined) entry.waits.delete(PRODUCER)
      else entry.waits.set(PRODUCER, why)
      await this.run.coordinate(entry, { kind: 'checked', answer })
    })
  }

  async stop(): Promise<void> {
    this.#calls.stop()
    // What is left is cleared at the next start.
    clearTimeout(this.#clearTimer)
    await Promise.all([...this.#open.values()].map(({ lock }) => lock.run(() => Promise.resolve())))
  }
}

/** What a participant has of it. */
function told(entry: Entry, from: string, queues: CarriedOut['queues']): void {
  const others = Object.entries(entry.record.others).map(([name, part]) => [
    name,
    part.broker === from ? { ...part, ...queues[name] } : part,
  ])
  entry.record = { ...entry.record, others: Object.fromEntries(others) }
}
