import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { formatDuration } from '../../crds/index.ts'
import {
  ackRequestSchema,
  namedRequestSchema,
  resolveRequestSchema,
  sendRequestSchema,
  type Transaction,
  transactRequestSchema,
} from '../../crds/protocol/transaction.ts'
import { requestIdSchema } from '../../crds/schema/request-id.ts'
import type { Queue } from '../queue/queue.ts'
import { SidecarError } from '../sidecar-error.ts'
import { parseRequest } from '../wire/parse-request.ts'
import { acksByQueue, addAcks, addSends, digestOf, partsOf } from './content.ts'
import { type Entry, newEntry, waitsFor } from './entry.ts'
import { ABSENT_MS } from './in-doubt.ts'
import { OpenTransactions, type TransactionsOptions } from './open-transactions.ts'
import { Participations } from './participations.ts'
import { shown } from './record.ts'
import { parseBegin } from './request.ts'
import { type Run, SELF } from './run.ts'
import { stage } from './stage.ts'
import { queueOf } from './target.ts'
import { heardOthers } from './under-way.ts'
import { Upkeep } from './upkeep.ts'

/** A transaction that is asked for at once has to be decided within this. Milliseconds. */
const AT_ONCE_MS = 30_000
/** For what other brokers say; shorter than clients wait for an answer. Milliseconds. */
const WAIT_MS = 4000

/** The transactions of a broker, as clients ask for them. */
export class Transactions {
  readonly #o: TransactionsOptions
  readonly #open: OpenTransactions
  readonly #run: Run
  readonly #upkeep: Upkeep
  /** What the sidecars of other brokers ask. */
  readonly participations: Participations

  private constructor(options: TransactionsOptions, open: OpenTransactions) {
    const { queues, peers, logger } = options
    this.#o = options
    this.#open = open
    this.#run = open.run
    this.#upkeep = new Upkeep(open, queues, logger)
    this.participations = new Participations(open, queues, peers)
  }

  /** Reads what is on record. To be called before the Queues are started, which would let go of what is to be held. */
  static async open(options: TransactionsOptions): Promise<Transactions> {
    return new Transactions(options, await OpenTransactions.open(options))
  }

  /** To be called before a Queue is started. */
  restoreHolds(queue: Queue): void {
    this.#open.restoreHolds(queue)
  }

  get openCount(): number {
    return this.#open.size
  }

  /** Those that somebody has to decide by hand. */
  get inDoubtCount(): number {
    return this.#inDoubt().length
  }

  /** Those that somebody has to decide by hand and that send to a Queue or acknowledge messages of it. */
  inDoubtCountOf(queue: string): number {
    const isOf = ({ record: { queues, acks } }: Entry): boolean =>
      Object.keys(queues).some((target) => queueOf(target) === queue) || acksByQueue(acks).has(queue)
    return this.#inDoubt().filter(isOf).length
  }

  #inDoubt(): Entry[] {
    return [...this.#open.values()].filter((entry) => this.#open.isInDoubt(entry))
  }

  /** The connection to nats-server was lost, and is there again. */
  reconnected(): void {
    this.#upkeep.sweepSoon()
  }

  /** Goes on with what is not at its end. */
  resume(): void {
    for (const entry of this.#open.values()) void this.#open.goOn(entry, () => this.#open.restart(entry))
    this.#upkeep.start()
  }

  async stop(): Promise<void> {
    this.#upkeep.stop()
    await this.#open.stop()
  }

  /** Everything at once. */
  async transact(input: unknown): Promise<Transaction> {
    const { id, sends, acks } = parseRequest(transactRequestSchema, input)
    if (sends.length + acks.length === 0) {
      throw new SidecarError('InvalidParameter', 'neither sends nor acks: there is nothing to do', { field: 'sends' })
    }
    const digest = digestOf({ sends, acks })
    return this.#new(id, { digest }, async (entry) => {
      const content = addSends([], sends, this.#o)
      entry.record = { ...entry.record, digest, acks: addAcks([], acks, this.#o) }
      this.#open.keep(entry, content)
      const participants = this.#share(entry)
      await this.#run.coordinate(entry, { kind: 'begin', deadline: Date.now() + AT_ONCE_MS })
      await this.#run.coordinate(entry, { kind: 'prepare', participants, commits: true })
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
      const content = addSends(before.slice(0, from), sends, this.#o)
      const same = before.slice(from, content.length)
      if (JSON.stringify(content.slice(from, from + same.length)) !== JSON.stringify(same)) {
        throw new SidecarError(
          'InvalidParameter',
          `the transaction has other sends from ${from} on; set from to ${before.length}`,
          { field: 'from' },
        )
      }
      if (content.length > before.length) this.#open.keep(entry, content)
    })
  }

  async acknowledge(input: unknown): Promise<Transaction> {
    const { id, secret, acks } = parseRequest(ackRequestSchema, input)
    return this.#known(id, secret, async (entry) => {
      this.#isOpen(entry)
      const all = addAcks(entry.record.acks, acks, this.#o)
      await stage(this.#o.js, this.#o.queues, id, partsOf([], all, this.#o).own)
      entry.record = { ...entry.record, acks: all }
    })
  }

  async prepare(input: unknown): Promise<Transaction> {
    const { id, secret } = parseRequest(namedRequestSchema, input)
    return this.#known(id, secret, async (entry) => {
      if (entry.record.coordinator?.phase !== 'open') return
      await this.#run.coordinate(entry, { kind: 'prepare', participants: this.#share(entry), commits: false })
    })
  }

  /** Of one that was begun; prepares it where that was not asked for. */
  async commit(input: unknown): Promise<Transaction> {
    const { id, secret } = parseRequest(namedRequestSchema, input)
    const transaction = await this.#known(id, secret, async (entry) => {
      const isOpen = entry.record.coordinator?.phase === 'open'
      await this.#run.coordinate(
        entry,
        isOpen ? { kind: 'prepare', participants: this.#share(entry), commits: true } : { kind: 'commit' },
      )
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
    const { id, decision, coordinator, without } = parseRequest(resolveRequestSchema, input)
    if (without !== undefined && (decision !== 'commit' || coordinator !== undefined)) {
      throw new SidecarError('InvalidParameter', 'without goes with decision commit, and with no coordinator', {
        field: 'without',
      })
    }
    if (coordinator !== undefined) return this.participations.resolve({ coordinator, id }, decision)
    if (without !== undefined) return this.#giveUp(id, without)
    const entry = this.#open.get(id)
    const transaction = await (entry === undefined ? this.get(id) : this.#decide(entry, decision))
    const { state } = transaction
    if (decision === 'abort' ? state === 'Aborted' : state === 'Committing' || state === 'Committed') return transaction
    throw new SidecarError('TransactionEnded', `transaction ${id} is ${state}, so ${decision} comes too late`)
  }

  #decide(entry: Entry, decision: 'commit' | 'abort'): Promise<Transaction> {
    const { id } = entry
    return entry.lock.run(async () => {
      if (entry.isLost) await this.#open.reload(entry)
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
        await this.#open.conclude(entry)
      } else if (phase !== 'committing') {
        throw new SidecarError(
          'TransactionNotInDoubt',
          `transaction ${id} is ${shown(entry.record).state}; it is not in doubt, so its client decides, its check-back or its timeout`,
        )
      }
      return this.#open.show(entry)
    })
  }

  /** What is decided ends without the part of a broker that is gone for good; the same again changes nothing. */
  async #giveUp(id: string, broker: string): Promise<Transaction> {
    const entry = this.#open.get(id)
    const found = await entry?.lock.run(async () => {
      if (entry.isLost) await this.#open.reload(entry)
      if (entry.isOver) return undefined
      const { coordinator } = entry.record
      if (coordinator?.phase === 'committing' && coordinator.givenUp.includes(broker)) return this.#open.show(entry)
      if (!this.#open.absentees(entry).includes(broker)) throw notAbsent(this.#open.show(entry), broker)
      this.#o.logger.warn({ transaction: id, broker }, 'a transaction ends without the part of a broker, by hand')
      await this.#run.coordinate(entry, { kind: 'giveUp', participant: broker })
      await this.#open.conclude(entry)
      return this.#open.show(entry)
    })
    if (found !== undefined) return found
    const ended = await this.get(id)
    if (ended.givenUp?.includes(broker) === true) return ended
    throw new SidecarError(
      'TransactionEnded',
      `transaction ${id} is ${ended.state}: broker ${broker} is not waited for`,
    )
  }

  /** Those that are not at their end, oldest first, and of others' transactions this broker's parts. */
  list(): Transaction[] {
    return [...this.#open.values()]
      .toSorted((a, b) => a.record.startedAt - b.record.startedAt)
      .map((entry) => this.#open.show(entry))
  }

  /** Throws SidecarError TransactionNotFound. @param coordinator of this broker's part in a transaction of another */
  async get(id: string, coordinator?: string): Promise<Transaction> {
    if (coordinator !== undefined) return this.participations.get({ coordinator, id })
    const entry = this.#open.get(id)
    if (entry !== undefined) return this.#open.show(entry)
    const ended = requestIdSchema.safeParse(id).success ? await this.#open.log.ended(id) : undefined
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
    const known = this.#open.get(name)
    const found = known ?? this.#open.add(newEntry(name, Date.now()))
    const answer = await found.lock.run(async () => {
      if (found.isLost) await this.#open.reload(found)
      const ended = known === undefined && id !== undefined ? await this.#open.endedOrForget(found) : undefined
      const before = ended ?? (known === undefined ? undefined : found.record)
      // What was asked for before was refused, or never came to be on record: this is the first then.
      if (found.isOver && before?.endedAt === undefined) return undefined
      if (before !== undefined) {
        if (before.digest !== proof.digest || before.secret !== proof.secret) {
          throw new SidecarError('TransactionIdTaken', `there is another transaction ${name}; choose another id`, {
            field: 'id',
          })
        }
        return ended === undefined ? 'open' : shown(ended)
      }
      try {
        await work(found)
      } catch (error) {
        // Nothing of it is on record: what was asked for could not be understood.
        if (!found.isLost && found.record.coordinator === undefined) this.#open.forget(found)
        throw error
      }
      await this.#open.conclude(found)
      return 'open'
    })
    if (answer === 'open') return this.#answer(found)
    return answer ?? this.#new(id, proof, work)
  }

  /** How far it is, once other brokers have said what they were asked. Throws SidecarError BrokerNotReady where they have not. */
  async #answer(entry: Entry): Promise<Transaction> {
    await heardOthers(entry, WAIT_MS)
    const { id, record } = entry
    if (record.coordinator?.phase !== 'preparing') return this.#open.show(entry)
    const why = waitsFor(entry) ?? 'another broker has not answered yet'
    throw new SidecarError('BrokerNotReady', `transaction ${id} is not decided: ${why}; ask again with the same id`)
  }

  /** Shares out what it has among the brokers; those that take part. Throws SidecarError where a Queue is not to be found any more. */
  #share(entry: Entry): string[] {
    const { own, others, kept } = partsOf(entry.sends ?? [], entry.record.acks, this.#o)
    entry.sends = [...own.sends]
    entry.others = others
    entry.record = { ...entry.record, others: kept }
    const isOwn = own.sends.length + own.acks.length > 0 || others.size === 0
    return [...(isOwn ? [SELF] : []), ...others.keys()]
  }

  /** Does something about one that was begun; of one that has ended nothing is done. */
  async #known(id: string, secret: string, work: (entry: Entry) => Promise<void>): Promise<Transaction> {
    const entry = this.#open.get(id)
    const over = async (): Promise<Transaction> => {
      const ended = entry?.record.endedAt === undefined ? await this.#open.log.ended(id) : entry.record
      if (ended === undefined) throw notFound(id)
      authorize(ended.secret, secret, id)
      return shown(ended)
    }
    if (entry === undefined) return over()
    const ended = await entry.lock.run(async () => {
      if (entry.isLost) await this.#open.reload(entry)
      if (entry.isOver) return over()
      authorize(entry.record.secret, secret, id)
      await work(entry)
      await this.#open.conclude(entry)
      return undefined
    })
    return ended ?? this.#answer(entry)
  }

  /** The sends that an open transaction has. Throws SidecarError TransactionEnded. */
  #isOpen({ id, record, sends }: Entry): StagedSends {
    if (record.coordinator?.phase === 'open' && sends !== undefined) return sends
    throw new SidecarError(
      'TransactionEnded',
      `transaction ${id} is prepared, so nothing can be added to it; begin another`,
    )
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

function notAbsent({ id, state, waits = [] }: Transaction, broker: string): SidecarError {
  const isAwaited = waits.some((one) => one.broker === broker)
  const why = isAwaited
    ? `broker ${broker} is one that this broker was told of, and was waited for for less than ${formatDuration(ABSENT_MS)}`
    : `it is ${state}, and does not wait for a broker ${broker}`
  return new SidecarError(
    'TransactionNotInDoubt',
    `transaction ${id} cannot end without the part of broker ${broker}: ${why}`,
    { field: 'without' },
  )
}

const notFound = (id: string): SidecarError =>
  new SidecarError(
    'TransactionNotFound',
    `there is no transaction ${JSON.stringify(id)}: it was never begun, it was aborted before anything was prepared, or it ended more than a day ago`,
  )
