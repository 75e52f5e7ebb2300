import {
  askRequestSchema,
  type CarriedOut,
  type Decision,
  decisionRequestSchema,
  type ParticipationPath,
  participationPathSchema,
  type PrepareRequest,
  prepareRequestSchema,
  type Vote,
} from '../../crds/protocol/participations.ts'
import type { Transaction } from '../../crds/protocol/transaction.ts'
import type { Peers } from '../peers/peers.ts'
import { SidecarError } from '../sidecar-error.ts'
import { parseRequest } from '../wire/parse-request.ts'
import { addAcks, addSends, type Queues } from './content.ts'
import { type Entry, newEntry, waitsFor } from './entry.ts'
import type { OpenTransactions } from './open-transactions.ts'
import { participationId, shown, shownQueues, type TransactionRecord } from './record.ts'

/** What the sidecars of other brokers ask: this broker's parts of their transactions, and what it decided of its own. */
export class Participations {
  readonly #open: OpenTransactions
  readonly #queues: Queues
  readonly #peers: Peers

  constructor(open: OpenTransactions, queues: Queues, peers: Peers) {
    this.#open = open
    this.#queues = queues
    this.#peers = peers
  }

  /** Has this broker's part staged, and its acknowledgements held. The same again is answered as the first was. */
  async prepare(path: unknown, input: unknown): Promise<Vote> {
    const of = parseRequest(participationPathSchema, path)
    const request = parseRequest(prepareRequestSchema, input)
    const id = participationId(of)
    const known = this.#open.get(id)
    const entry = known ?? this.#open.add(newEntry(id, request.startedAt))
    const vote = await entry.lock.run(async () => {
      if (entry.isLost) await this.#open.reload(entry)
      const ended = known === undefined ? await this.#open.endedOrForget(entry) : undefined
      if (ended !== undefined) return voteOf(ended, request)
      // What was asked for before was refused, or never came to be on record: this is the first then.
      if (entry.isOver) return undefined
      if (entry.record.participant !== undefined) return voteOf(entry.record, request)
      entry.record = { ...entry.record, of }
      return this.#stage(entry, request)
    })
    return vote ?? this.prepare(path, input)
  }

  async #stage(entry: Entry, request: PrepareRequest): Promise<Vote> {
    const reach = { queues: this.#queues, peers: undefined }
    try {
      const sends = addSends([], request.sends, reach)
      entry.record = { ...entry.record, acks: addAcks([], request.acks, reach) }
      this.#open.keep(entry, sends)
      await this.#open.run.participate(entry, { kind: 'prepare' })
    } catch (error) {
      this.#open.forget(entry)
      if (!(error instanceof SidecarError)) throw error
      return { vote: 'no', error: error.refusal }
    }
    const { participant, error } = entry.record
    if (participant !== undefined) {
      await this.#open.conclude(entry)
      return voteOf(entry.record, request)
    }
    this.#open.forget(entry)
    // No vote: it is asked again.
    if (error?.code === 'BrokerNotReady') throw new SidecarError('BrokerNotReady', 'nats-server did not answer')
    return voteOf(entry.record, request)
  }

  commit(path: unknown, input: unknown): Promise<CarriedOut> {
    return this.#decided(path, input, 'commit')
  }

  abort(path: unknown, input: unknown): Promise<CarriedOut> {
    return this.#decided(path, input, 'abort')
  }

  /** What the coordinator decided is carried out here. Throws SidecarError TransactionNotFound where nothing of it is prepared. */
  async #decided(path: unknown, input: unknown, decision: 'commit' | 'abort'): Promise<CarriedOut> {
    const of = parseRequest(participationPathSchema, path)
    const { startedAt } = parseRequest(decisionRequestSchema, input)
    const id = participationId(of)
    const entry = this.#open.get(id)
    const settled = await entry?.lock.run(async () => {
      if (entry.isLost) await this.#open.reload(entry)
      if (!entry.isOver && entry.record.startedAt === startedAt) {
        await this.#open.run.order(entry, decision)
        await this.#open.conclude(entry)
      }
      return entry.isOver && entry.record.endedAt === undefined ? undefined : entry.record
    })
    if (decision === 'abort') return { done: true, queues: {} }
    const record = settled ?? (await this.#open.log.ended(id))
    const phase = record?.startedAt === startedAt ? record.participant?.phase : undefined
    if (record === undefined || phase === undefined || phase === 'aborted') {
      throw new SidecarError(
        'TransactionNotFound',
        `no part of transaction ${of.id} of broker ${of.coordinator} is prepared here`,
      )
    }
    const reason = entry === undefined ? undefined : waitsFor(entry)
    return {
      done: phase === 'committed',
      ...(phase === 'committed' || reason === undefined ? {} : { reason }),
      queues: shownQueues(record),
    }
  }

  /** This broker's part in a transaction of another. Throws SidecarError TransactionNotFound. */
  async get(path: unknown): Promise<Transaction> {
    const of = parseRequest(participationPathSchema, path)
    const id = participationId(of)
    const entry = this.#open.get(id)
    if (entry !== undefined) return this.#open.show(entry)
    const ended = await this.#open.log.ended(id)
    if (ended !== undefined) return shown(ended)
    throw new SidecarError(
      'TransactionNotFound',
      `this broker has no part in a transaction ${of.id} of broker ${of.coordinator}, or one that ended more than a day ago`,
    )
  }

  /**
   * What somebody decides of a part whose coordinator cannot: another one that decides otherwise makes a whole of it no more. Throws SidecarError
   * TransactionNotInDoubt where its coordinator may still say it.
   */
  async resolve(of: ParticipationPath, decision: 'commit' | 'abort'): Promise<Transaction> {
    const entry = this.#open.get(participationId(of))
    const missing = (): SidecarError =>
      new SidecarError(
        'TransactionNotFound',
        `no part of transaction ${of.id} of broker ${of.coordinator} waits to be decided here`,
      )
    if (entry === undefined) throw missing()
    if (!this.#peers.isGone(of.coordinator)) {
      throw new SidecarError(
        'TransactionNotInDoubt',
        `broker ${of.coordinator} decides transaction ${of.id}; only where this broker was told of its peers, and that is none of them, is it decided by hand`,
      )
    }
    return entry.lock.run(async () => {
      if (entry.isLost) await this.#open.reload(entry)
      if (entry.isOver || entry.record.participant?.phase !== 'prepared') throw missing()
      await this.#open.run.order(entry, decision)
      await this.#open.conclude(entry)
      return this.#open.show(entry)
    })
  }

  /** What was decided of a transaction of this broker. Of one that it knows nothing of, that is abort. */
  async ask(path: unknown, input: unknown): Promise<Decision> {
    const { coordinator, id } = parseRequest(participationPathSchema, path)
    const { startedAt, from } = parseRequest(askRequestSchema, input)
    // An answer of who does not coordinate it would be taken for its coordinator's.
    if (coordinator !== this.#peers.self) {
      const self = this.#peers.self ?? 'not told its name yet'
      throw new SidecarError('BrokerNotReady', `this broker is ${self}, so it cannot say what ${coordinator} decided`)
    }
    const entry = this.#open.get(id)
    const decision = await entry?.lock.run(async () => {
      if (entry.isLost) await this.#open.reload(entry)
      if (entry.isOver) return undefined
      if (entry.record.startedAt !== startedAt) return { decision: 'abort' as const }
      await this.#open.run.coordinate(entry, { kind: 'ask', from })
      await this.#open.conclude(entry)
      return answerTo(entry.record)
    })
    if (decision !== undefined) return decision
    if (this.#open.isUnreadable(id)) return { decision: 'wait' }
    const ended = await this.#open.log.ended(id)
    return ended?.startedAt === startedAt ? answerTo(ended) : { decision: 'abort' }
  }
}

/** Of a part that is prepared, or ended, or was refused. */
function voteOf(record: TransactionRecord, { startedAt }: PrepareRequest): Vote {
  const { participant, error } = record
  const no = (code: string, message: string): Vote => ({ vote: 'no', error: { code, message } })
  if (record.startedAt !== startedAt)
    return no('TransactionIdTaken', 'there is or was another transaction of this id; choose another id')
  if (participant === undefined) return error === undefined ? no('Internal', 'it was refused') : { vote: 'no', error }
  if (participant.phase === 'aborted') return no('TransactionEnded', 'it was aborted before; begin another')
  return { vote: 'yes', queues: shownQueues(record) }
}

function answerTo({ coordinator }: TransactionRecord): Decision {
  const phase = coordinator?.phase
  if (phase === 'committing' || phase === 'committed') return { decision: 'commit' }
  if (phase === 'inDoubt') return { decision: 'wait', inDoubt: true }
  return { decision: phase === 'aborted' ? 'abort' : 'wait' }
}
