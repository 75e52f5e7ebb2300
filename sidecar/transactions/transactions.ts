import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Logger } from 'pino'
import {
  ackRequestSchema,
  MAX_OPEN,
  namedRequestSchema,
  resolveRequestSchema,
  sendRequestSchema,
  type Transaction,
  transactRequestSchema,
} from '../../crds/protocol/transaction.ts'
import { requestIdSchema } from '../../crds/schema/request-id.ts'
import type { JetStreamAccess } from '../jetstream/access.ts'
import type { Queue } from '../queue/queue.ts'
import { SidecarError } from '../sidecar-error.ts'
import { parseRequest } from '../wire/parse-request.ts'
import { acksByQueue, addAcks, addSends, bytesOf, digestOf, type Queues } from './content.ts'
import { type Entry, loadedEntry, newEntry } from './entry.ts'
import type { Answer } from './check-back.ts'
import { TransactionLog } from './log.ts'
import { Producers } from './producers.ts'
import { type Asked, shown } from './record.ts'
import { parseBegin } from './request.ts'
import { Run, SELF } from './run.ts'
import { stage } from './stage.ts'

/** Between two looks at what is held. Milliseconds. */
const HOLD_MS = 100
/** Between two looks at transactions that are not at their end. Milliseconds. */
const LOOK_MS = 2000
/** Between two looks at what ended transactions left. Milliseconds. */
const SWEEP_MS = 60_000
/** A transaction that is asked for at once has to be decided within this. Milliseconds. */
const AT_ONCE_MS = 30_000
/** Sends of transactions that are not at their end, together. Bytes. */
const MAX_BYTES_OPEN = 64 * 1024 * 1024

export interface TransactionsOptions {
  readonly js: JetStreamAccess
  readonly logger: Logger
  readonly queues: Queues
  /** A transaction came to its end. */
  readonly ended: (outcome: 'committed' | 'aborted') => void
  /** A producer was asked. */
  readonly checkedBack: (answer: Answer) => void
}

/** The transactions of a broker. */
export class Transactions {
  readonly #o: TransactionsOptions
  readonly #log: TransactionLog
  readonly #run: Run
  readonly #producers: Producers
  readonly #open = new Map<string, Entry>()
  #timer: NodeJS.Timeout | undefined
  #looked = 0
  /** Monotonic milliseconds. */
  #sweptAt = Number.NEGATIVE_INFINITY
  #isLooking = false

  private constructor(options: TransactionsOptions, log: TransactionLog) {
    this.#o = options
    this.#log = log
    this.#run = new Run({ ...options, log })
    this.#producers = new Producers(options.js.connection)
  }

  /** Reads what is on record. To be called before the Queues are started, which would let go of what is to be held. */
  static async open(options: TransactionsOptions): Promise<Transactions> {
    const { js, logger } = options
    const log = new TransactionLog(js)
    await log.ensure()
    const transactions = new Transactions(options, log)
    const known = new Set<string>()
    const all = await log.all((id) => {
      known.add(id)
      logger.error({ transaction: id }, 'the record of a transaction could not be read; it is left as it is')
    })
    for (const { record, sequence } of all) {
      known.add(record.id)
      if ((await log.ended(record.id)) === undefined) transactions.#open.set(record.id, loadedEntry(record, sequence))
      else await log.clear(record.id)
    }
    await log.clearOrphans(known)
    return transactions
  }

  /** To be called before a Queue is started. */
  restoreHolds(queue: Queue): void {
    for (const { id, record } of this.#open.values()) {
      const after = record.participant?.phase === 'committing' ? record.participant.after[queue.name] : undefined
      if (after !== undefined) queue.holds.restore(id, after)
    }
  }

  get openCount(): number {
    return this.#open.size
  }

  /** Those that somebody has to decide by hand. */
  get inDoubtCount(): number {
    return [...this.#open.values()].filter(({ record }) => record.coordinator?.phase === 'inDoubt').length
  }

  /** Those that somebody has to decide by hand and that send to a Queue or acknowledge messages of it. */
  inDoubtCountOf(queue: string): number {
    return [...this.#open.values()].filter(
      ({ record: { coordinator, queues, acks } }) =>
        coordinator?.phase === 'inDoubt' && (queue in queues || acksByQueue(acks).has(queue)),
    ).length
  }

  /** The connection to nats-server was lost, and is there again. */
  reconnected(): void {
    this.#sweptAt = Number.NEGATIVE_INFINITY
  }

  /** Goes on with what is not at its end. */
  resume(): void {
    for (const entry of this.#open.values()) void this.#try(entry, () => this.#restart(entry))
    this.#timer = setInterval(() => this.#tick(), HOLD_MS)
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.all([...this.#open.values()].map(({ lock }) => lock.run(() => Promise.resolve())))
  }

  /** Everything at once. */
  async transact(input: unknown): Promise<Transaction> {
    const { id, sends, acks } = parseRequest(transactRequestSchema, input)
    if (sends.length + acks.length === 0) {
      throw new SidecarError('InvalidParameter', 'neither sends nor acks: there is nothing to do', { field: 'sends' })
    }
    const digest = digestOf({ sends, acks })
    return this.#new(id, { digest }, async (entry) => {
      const content = addSends([], sends, this.#o.queues)
      entry.record = { ...entry.record, digest, acks: addAcks([], acks, this.#o.queues) }
      this.#keep(entry, content)
      await this.#run.coordinate(entry, { kind: 'begin', deadline: Date.now() + AT_ONCE_MS })
      await this.#run.coordinate(entry, { kind: 'prepare', participants: [SELF], commits: true })
    })
  }

  /** The answer has the secret that later requests have to name. */
  async begin(input: unknown): Promise<Transaction> {
    const { id, secret = randomBytes(16).toString('hex'), timeoutMs, asks, checkBack } = parseBegin(input)
    const transaction = await this.#new(id, { secret: hash(secret) }, async (entry) => {
      entry.record = { ...entry.record, secret: hash(secret), ...(asks === undefined ? {} : { asks }) }
      await this.#run.coordinate(entry, { kind: 'begin', deadline: Date.now() + timeoutMs, checkBack })
    })
    return { ...transaction, secret }
  }

  async send(input: unknown): Promise<Transaction> {
    const { id, secret, from, sends } = parseRequest(sendRequestSchema, input)
    return this.#known(id, secret, async (entry) => {
      const before = this.#isOpen(entry)
      if (from > before.length) {
        throw new SidecarError('InvalidParameter', `from is ${from}; the transaction has ${before.length} sends`, {
          field: 'from',
        })
      }
      const content = addSends(before.slice(0, from), sends, this.#o.queues)
      const same = before.slice(from, content.length)
      if (JSON.stringify(content.slice(from, from + same.length)) !== JSON.stringify(same)) {
        throw new SidecarError(
          'InvalidParameter',
          `the transaction has other sends from ${from} on; set from to ${before.length}`,
          { field: 'from' },
        )
      }
      if (content.length > before.length) this.#keep(entry, content)
    })
  }

  async acknowledge(input: unknown): Promise<Transaction> {
    const { id, secret, acks } = parseRequest(ackRequestSchema, input)
    return this.#known(id, secret, async (entry) => {
      this.#isOpen(entry)
      const all = addAcks(entry.record.acks, acks, this.#o.queues)
      await stage(this.#o.js, this.#o.queues, id, { sends: [], acks: all })
      entry.record = { ...entry.record, acks: all }
    })
  }

  async prepare(input: unknown): Promise<Transaction> {
    const { id, secret } = parseRequest(namedRequestSchema, input)
    return this.#known(id, secret, async (entry) => {
      if (entry.record.coordinator?.phase !== 'open') return
      await this.#run.coordinate(entry, { kind: 'prepare', participants: [SELF], commits: false })
    })
  }

  /** Of one that was begun; prepares it where that was not asked for. */
  async commit(input: unknown): Promise<Transaction> {
    const { id, secret } = parseRequest(namedRequestSchema, input)
    const transaction = await this.#known(id, secret, async (entry) => {
      const event =
        entry.record.coordinator?.phase === 'open'
          ? ({ kind: 'prepare', participants: [SELF], commits: true } as const)
          : ({ kind: 'commit' } as const)
      await this.#run.coordinate(entry, event)
    })
    if (transaction.state !== 'Aborted' || transaction.error !== undefined) return transaction
    throw new SidecarError(
      'TransactionEnded',
      `transaction ${id} is aborted (${transaction.reason}), so it cannot be committed; begin another`,
    )
  }

  async abort(input: unknown): Promise<Transaction> {
    const { id, secret } = parseRequest(namedRequestSchema, input)
    const transaction = await this.#known(id, secret, (entry) =>
      this.#run.coordinate(entry, { kind: 'abort', reason: 'its client aborted it' }),
    )
    if (transaction.state === 'Aborted') return transaction
    throw new SidecarError('TransactionEnded', `transaction ${id} is committed, so it cannot be aborted`)
  }

  /** What somebody decides of one in doubt; the same decision again changes nothing. */
  async resolve(input: unknown): Promise<Transaction> {
    const { id, decision } = parseRequest(resolveRequestSchema, input)
    const entry = this.#open.get(id)
    const transaction = await (entry === undefined ? this.get(id) : this.#decide(entry, decision))
    const { state } = transaction
    if (decision === 'abort' ? state === 'Aborted' : state === 'Committing' || state === 'Committed') return transaction
    throw new SidecarError('TransactionEnded', `transaction ${id} is ${state}, so ${decision} comes too late`)
  }

  #decide(entry: Entry, decision: 'commit' | 'abort'): Promise<Transaction> {
    const { id } = entry
    return entry.lock.run(async () => {
      if (entry.isLost) await this.#reload(entry)
      if (entry.isOver) return this.get(id)
      const phase = entry.record.coordinator?.phase
      if (phase === 'inDoubt') {
        this.#o.logger.warn({ transaction: id, decision }, 'a transaction in doubt is decided by hand')
        await this.#run.coordinate(
          entry,
          decision === 'commit'
            ? { kind: 'commit' }
            : { kind: 'abort', reason: 'it was in doubt, and aborted by hand' },
        )
        await this.#conclude(entry)
      } else if (phase !== 'committing') {
        throw new SidecarError(
          'TransactionNotInDoubt',
          `transaction ${id} is ${shown(entry.record).state}; it is not in doubt, so its client decides, its check-back or its timeout`,
        )
      }
      return shown(entry.record, entry.waitsFor)
    })
  }

  /** Those that are not at their end, oldest first. */
  list(): Transaction[] {
    return [...this.#open.values()]
      .toSorted((a, b) => a.record.startedAt - b.record.startedAt)
      .map(({ record, waitsFor }) => shown(record, waitsFor))
  }

  async get(id: string): Promise<Transaction> {
    const entry = this.#open.get(id)
    if (entry !== undefined) return shown(entry.record, entry.waitsFor)
    const ended = requestIdSchema.safeParse(id).success ? await this.#log.ended(id) : undefined
    if (ended !== undefined) return shown(ended)
    throw notFound(id)
  }

  /** Begins one, or finds the one of this id that the same request began. */
  async #new(
    id: string | undefined,
    proof: { readonly digest?: string; readonly secret?: string },
    work: (entry: Entry) => Promise<void>,
  ): Promise<Transaction> {
    const name = id ?? randomBytes(16).toString('hex')
    let entry = this.#open.get(name)
    const isNew = entry === undefined
    if (entry === undefined) {
      if (this.#open.size >= MAX_OPEN) {
        throw new SidecarError(
          'TooManyTransactions',
          `${MAX_OPEN} transactions are not at their end; try again when some are`,
        )
      }
      entry = newEntry(name, Date.now())
      this.#open.set(name, entry)
    }
    const found = entry
    const answer = await found.lock.run(async () => {
      if (found.isLost) await this.#reload(found)
      const ended = isNew && id !== undefined ? await this.#endedOrForget(found) : undefined
      const known = ended ?? (isNew ? undefined : found.record)
      // What was asked for before was refused, or never came to be on record: this is the first then.
      if (found.isOver && known?.endedAt === undefined) return undefined
      if (known !== undefined) {
        if (known.digest !== proof.digest || known.secret !== proof.secret) {
          throw new SidecarError('TransactionIdTaken', `there is another transaction ${name}; choose another id`, {
            field: 'id',
          })
        }
        return shown(known, found.waitsFor)
      }
      try {
        await work(found)
      } catch (error) {
        // Nothing of it is on record: what was asked for could not be understood.
        if (!found.isLost && found.record.coordinator === undefined) this.#forget(found)
        throw error
      }
      await this.#conclude(found)
      return shown(found.record, found.waitsFor)
    })
    return answer ?? this.#new(id, proof, work)
  }

  /** Does something about one that was begun; of one that has ended nothing is done. */
  async #known(id: string, secret: string, work: (entry: Entry) => Promise<void>): Promise<Transaction> {
    const entry = this.#open.get(id)
    const over = async (): Promise<Transaction> => {
      const ended = entry?.record.endedAt === undefined ? await this.#log.ended(id) : entry.record
      if (ended === undefined) throw notFound(id)
      authorize(ended.secret, secret, id)
      return shown(ended)
    }
    if (entry === undefined) return over()
    return entry.lock.run(async () => {
      if (entry.isLost) await this.#reload(entry)
      if (entry.isOver) return over()
      authorize(entry.record.secret, secret, id)
      await work(entry)
      await this.#conclude(entry)
      return shown(entry.record, entry.waitsFor)
    })
  }

  async #endedOrForget(entry: Entry): Promise<Entry['record'] | undefined> {
    try {
      const ended = await this.#log.ended(entry.id)
      if (ended !== undefined) this.#forget(entry)
      return ended
    } catch (error) {
      this.#forget(entry)
      throw error
    }
  }

  /** The sends that an open transaction has. Throws SidecarError TransactionEnded. */
  #isOpen({ id, record, sends }: Entry): StagedSends {
    if (record.coordinator?.phase === 'open' && sends !== undefined) return sends
    throw new SidecarError(
      'TransactionEnded',
      `transaction ${id} is prepared, so nothing can be added to it; begin another`,
    )
  }

  #keep(entry: Entry, sends: StagedSends): void {
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

  /** Puts on record what is not, or that it came to its end. */
  async #conclude(entry: Entry): Promise<void> {
    const { coordinator, participant } = entry.record
    const isEnd = coordinator?.phase === 'committed' || coordinator?.phase === 'aborted'
    const isOpen = participant?.phase === 'prepared' || participant?.phase === 'committing'
    if (!isEnd || isOpen) return this.#run.flush(entry)
    const record = { ...entry.record, endedAt: Date.now() }
    try {
      await this.#log.end(record)
    } catch (error) {
      entry.isLost = true
      throw new SidecarError(
        'BrokerNotReady',
        `it is not known whether the end of transaction ${entry.id} is on record; ask again with the same id`,
        { cause: error },
      )
    }
    entry.record = record
    this.#forget(entry)
    this.#o.ended(coordinator.phase)
    if (entry.sequence > 0) this.#clear(entry.id)
  }

  /** Of one whose end is remembered. */
  #clear(id: string): void {
    this.#log.clear(id).catch((error: unknown) => {
      this.#o.logger.debug({ err: error, transaction: id }, 'what an ended transaction left is removed later')
    })
  }

  /** Removes what ended transactions left, or a nats-server that was killed brought back: it forgets what was removed just before. */
  async #sweep(): Promise<void> {
    for (const id of await this.#log.ids()) {
      if (this.#open.has(id) || (await this.#log.ended(id)) === undefined) continue
      await this.#log.clear(id)
    }
  }

  #forget(entry: Entry): void {
    entry.isOver = true
    this.#open.delete(entry.id)
    for (const queue of this.#o.queues.values()) {
      queue.holds.release(entry.id)
      queue.heldAcks.release(entry.id)
    }
  }

  /** A write failed: what is on record holds, as after a crash. */
  async #reload(entry: Entry): Promise<void> {
    const ended = await this.#log.ended(entry.id)
    if (ended !== undefined) {
      entry.record = ended
      this.#clear(entry.id)
      return this.#forget(entry)
    }
    const logged = await this.#log.reload(entry.id)
    if (logged === undefined) {
      await this.#log.clear(entry.id)
      return this.#forget(entry)
    }
    Object.assign(entry, { ...loadedEntry(logged.record, logged.sequence), lock: entry.lock, bytes: entry.bytes })
    for (const queue of this.#o.queues.values()) this.restoreHolds(queue)
    await this.#restart(entry)
  }

  async #restart(entry: Entry): Promise<void> {
    await this.#run.coordinate(entry, { kind: 'restart' })
    await this.#run.participate(entry, { kind: 'restart' })
  }

  #tick(): void {
    const now = performance.now()
    for (const queue of this.#o.queues.values()) queue.heldAcks.extend(now)
    if (this.#isLooking || now - this.#looked < LOOK_MS) return
    this.#looked = now
    this.#isLooking = true
    void this.#look().finally(() => {
      this.#isLooking = false
    })
  }

  async #look(): Promise<void> {
    if (this.#sweptAt + SWEEP_MS < performance.now()) {
      this.#sweptAt = performance.now()
      await this.#sweep().catch((error: unknown) => {
        this.reconnected()
        this.#o.logger.debug({ err: error }, 'could not look for what ended transactions left; trying again')
      })
    }
    for (const entry of this.#open.values()) {
      await this.#try(entry, async () => {
        if (entry.isLost) return this.#reload(entry)
        await this.#run.coordinate(entry, { kind: 'tick' })
        await this.#run.participate(entry, { kind: 'tick' })
      })
    }
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
    await this.#try(entry, async () => {
      entry.waitsFor = why
      await this.#run.coordinate(entry, { kind: 'checked', answer })
    })
  }

  async #try(entry: Entry, work: () => Promise<void>): Promise<void> {
    await entry.lock
      .run(async () => {
        if (entry.isOver) return
        await work()
        if (!entry.isOver) await this.#conclude(entry)
        const { asks } = entry.record
        if (!entry.asks || asks === undefined) return
        entry.asks = false
        void this.#askProducer(entry, asks)
      })
      .catch((error: unknown) => {
        this.#o.logger.warn({ err: error, transaction: entry.id }, 'could not go on with a transaction; trying again')
      })
  }
}

type StagedSends = NonNullable<Entry['sends']>

const hash = (secret: string): string => createHash('sha256').update(secret).digest('hex')

function authorize(wanted: string | undefined, secret: string, id: string): void {
  const given = Buffer.from(hash(secret))
  if (wanted !== undefined && timingSafeEqual(given, Buffer.from(wanted))) return
  throw new SidecarError('TransactionNotYours', `the secret is not the one that transaction ${id} was begun with`, {
    field: 'secret',
  })
}

const notFound = (id: string): SidecarError =>
  new SidecarError(
    'TransactionNotFound',
    `there is no transaction ${JSON.stringify(id)}: it was never begun, it was aborted before anything was prepared, or it ended more than a day ago`,
  )
