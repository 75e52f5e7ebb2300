import type { Logger } from 'pino'
import type { JetStreamAccess } from '../jetstream/access.ts'
import { SidecarError } from '../sidecar-error.ts'
import { carryOut } from './carry-out.ts'
import { carryOutLater } from './carry-out-later.ts'
import { acksByQueue, ownAcks, type Queues } from './content.ts'
import { coordinate, type Coordinator, type CoordinatorEvent, type Order } from './coordinator.ts'
import type { Entry } from './entry.ts'
import type { TransactionLog } from './log.ts'
import { type Action, ordered, type ParticipantEvent, participate, type Word } from './participant.ts'
import { stage } from './stage.ts'
import { isLater, queueOf, targetOf } from './target.ts'

export interface RunOptions {
  readonly js: JetStreamAccess
  readonly logger: Logger
  readonly queues: Queues
  readonly log: TransactionLog
  /** Sends a coordinator's order to a participant on another broker; its answer comes back as an event. */
  readonly send: (entry: Entry, to: string, order: Order) => void
  /** Asks the coordinator on another broker what is decided; its answer comes back as an order. */
  readonly ask: (entry: Entry) => void
}

/** This broker among the participants; no broker can be called so. */
export const SELF = '.'
/** Among what a transaction waits for. */
export const PRODUCER = '?'

/** What a coordinator says to who is in each phase. */
const ORDERS: Partial<Record<Coordinator['phase'], Order>> = {
  preparing: 'prepare',
  committing: 'commit',
  committed: 'commit',
  aborted: 'abort',
}

/**
 * Takes a transaction through the steps of its two sides; of one over several brokers, those that are in this process. What several steps in a
 * row want written is written as one word, before anything is done or sent, or anybody is answered. To be called under the transaction's lock.
 */
export class Run {
  readonly #o: RunOptions

  constructor(options: RunOptions) {
    this.#o = options
  }

  async coordinate(entry: Entry, event: CoordinatorEvent): Promise<void> {
    const before = entry.record.coordinator
    const { state, write, send, checkBack } = coordinate(before, event, Date.now())
    if (checkBack) entry.asks = true
    if (state !== undefined) entry.record = { ...entry.record, coordinator: state }
    if (write) entry.isDirty = true
    if (write && state?.phase === 'committing' && before?.phase !== 'committing')
      entry.record = { ...entry.record, decidedAt: Date.now() }
    entry.orders.push(...send.filter(({ to }) => to !== SELF))
    for (const { to, order } of send) if (to === SELF) await this.order(entry, order)
  }

  async participate(entry: Entry, event: ParticipantEvent): Promise<void> {
    const { state, write, action, say } = participate(entry.record.participant, event)
    if (state !== undefined) entry.record = { ...entry.record, participant: state }
    if (write) entry.isDirty = true
    const next = action === undefined ? undefined : await this.#act(entry, action)
    if (say !== undefined) await this.#say(entry, say)
    if (next !== undefined) await this.participate(entry, next)
  }

  /** What the coordinator says to the participant that this broker is. */
  async order(entry: Entry, order: Order): Promise<void> {
    const { of } = entry.record
    if (of !== undefined) entry.waits.delete(of.coordinator)
    const isFirst = order === 'commit' && entry.record.participant?.phase === 'prepared'
    if (isFirst) entry.record = { ...entry.record, decidedAt: entry.record.decidedAt ?? Date.now() }
    await this.participate(entry, ordered(order, isFirst ? await this.#holdQueues(entry) : {}))
  }

  /** To another broker's coordinator votes and ends are said as answers to its orders. */
  async #say(entry: Entry, word: Word): Promise<void> {
    if (entry.record.of === undefined) return this.coordinate(entry, { ...word, from: SELF })
    if (word.kind === 'ask') this.#o.ask(entry)
  }

  /** Sends what is to be sent to other brokers; what it depends on has to be on record. */
  sendOrders(entry: Entry): void {
    const phase = entry.record.coordinator?.phase
    // Later steps may have made earlier orders void.
    const orders = entry.orders.filter(({ order }) => phase !== undefined && order === ORDERS[phase])
    entry.orders = []
    for (const { to, order } of orders) this.#o.send(entry, to, order)
  }

  /** Puts on record what is not. Throws SidecarError BrokerNotReady where it is not known whether that is done. */
  async flush(entry: Entry): Promise<void> {
    if (!entry.isDirty) return this.sendOrders(entry)
    const { record, sends, isStaged, sequence } = entry
    const { coordinator } = record
    // What is on record of one whose votes are not in yet is that it is open.
    const written =
      coordinator?.phase === 'preparing'
        ? { ...record, coordinator: { ...coordinator, phase: 'open' as const } }
        : record
    const stages = !isStaged && record.participant !== undefined && sends !== undefined && sends.length > 0
    try {
      entry.sequence = await this.#o.log.put(written, sequence, stages ? JSON.stringify(sends) : undefined)
      entry.isDirty = false
      if (stages) entry.isStaged = true
      if (record.participant?.phase === 'committed') this.release(entry)
    } catch (error) {
      entry.isLost = true
      throw new SidecarError(
        'BrokerNotReady',
        `it is not known whether transaction ${entry.id} is on record; ask again with the same id`,
        { cause: error },
      )
    }
    this.sendOrders(entry)
  }

  /** It is on record that it came to its end here, so nothing is kept to see whether it did. */
  release({ id }: Entry): void {
    for (const queue of this.#o.queues.values()) {
      queue.holds.release(id)
      queue.delayed.release(id)
      queue.heldAcks.release(id)
    }
  }

  async #act(entry: Entry, action: Action): Promise<ParticipantEvent | undefined> {
    switch (action) {
      case 'stage':
        return this.#stage(entry)
      case 'hold':
        for (const [name, acks] of acksByQueue(ownAcks(entry.record)))
          this.#o.queues.get(name)?.heldAcks.hold(entry.id, acks)
        return undefined
      case 'carryOut':
        await this.flush(entry)
        return this.#carryOut(entry)
      case 'release':
        // With the end, which is on record then.
        return undefined
      default:
        return action satisfies never
    }
  }

  async #stage(entry: Entry): Promise<ParticipantEvent> {
    const { js, queues } = this.#o
    try {
      const { sends, parts } = await stage(js, queues, entry.id, {
        sends: entry.sends ?? [],
        acks: ownAcks(entry.record),
      })
      entry.sends = sends
      entry.record = { ...entry.record, queues: parts }
      return { kind: 'staged' }
    } catch (error) {
      const known =
        error instanceof SidecarError
          ? error
          : new SidecarError('BrokerNotReady', 'nats-server did not answer; begin another transaction in a moment')
      entry.record = { ...entry.record, error: known.refusal }
      return { kind: 'refused', reason: known.message }
    }
  }

  /** From now on nothing that comes into its Queues leaves them: by what is there it is seen whether it was carried out. */
  async #holdQueues({ id, record }: Entry): Promise<Record<string, number>> {
    const marks = Object.entries(record.queues).map(async ([target, { sends, created }]) => {
      const queue = this.#o.queues.get(queueOf(target))
      if (sends === 0 || queue === undefined || queue.created !== created) return []
      return [[target, await (isLater(target) ? queue.delayed : queue.holds).hold(id)] as const]
    })
    return Object.fromEntries((await Promise.all(marks)).flat())
  }

  async #carryOut(entry: Entry): Promise<ParticipantEvent | undefined> {
    const again = entry.isTried
    entry.isTried = true
    const all = [...(await this.#sendsOf(entry)), ...this.#acksOf(entry)]
    const results = await Promise.allSettled(all.map((work) => work(again)))
    const failed = results.find((result) => result.status === 'rejected')
    if (failed === undefined) {
      entry.waits.delete(SELF)
      return { kind: 'carriedOut' }
    }
    const { reason } = failed
    entry.waits.set(SELF, reason instanceof Error ? reason.message : String(reason))
    this.#o.logger.warn({ err: reason, transaction: entry.id }, 'could not carry out a transaction; trying again')
    await this.#letGo(entry)
    return undefined
  }

  /**
   * What a Queue refused is not there, so what came in until now may leave it: a full Queue that has to keep what is acknowledged would
   * never have room. What is to come later and is there need not wait for what is refused elsewhere.
   */
  async #letGo(entry: Entry): Promise<void> {
    const { participant } = entry.record
    if (participant?.phase !== 'committing') return
    const later = Object.keys(participant.after).filter((target) => isLater(target) && entry.carried.has(target))
    if (entry.refusedAt.size + later.length === 0) return
    const marks = Object.fromEntries(entry.refusedAt)
    entry.refusedAt.clear()
    const after = Object.entries({ ...participant.after, ...marks }).filter(([target]) => !later.includes(target))
    await this.participate(entry, { kind: 'marked', after: Object.fromEntries(after) })
    await this.flush(entry)
    for (const target of later) this.#o.queues.get(queueOf(target))?.delayed.release(entry.id)
    for (const [name, after] of Object.entries(marks)) this.#o.queues.get(name)?.holds.restore(entry.id, after)
  }

  async #sendsOf(entry: Entry): Promise<Array<(again: boolean) => Promise<void>>> {
    const { js, queues, log, logger } = this.#o
    const { record, id } = entry
    if (record.participant?.phase !== 'committing') return []
    const { after } = record.participant
    const hasSends = Object.values(record.queues).some(({ sends, duplicates = 0 }) => sends > duplicates)
    if (hasSends) entry.sends ??= await log.sends(id)
    return [...Map.groupBy(entry.sends ?? [], targetOf)].flatMap(([target, sends]) => {
      const queue = queues.get(queueOf(target))
      const mark = after[target]
      if (entry.carried.has(target)) return []
      if (queue === undefined || mark === undefined || queue.created !== record.queues[target]?.created) {
        // It is on record that it is done, see #letGo.
        if (queue !== undefined && mark === undefined && isLater(target)) return []
        logger.warn(
          { transaction: id, queue: queueOf(target) },
          'a queue that a transaction sends to is gone, and the sends with it',
        )
        return []
      }
      return [
        async (again: boolean) => {
          const carrying = { transaction: id, sends, after: mark, decidedAt: record.decidedAt ?? 0, again }
          const done = await (isLater(target) ? carryOutLater : carryOut)(js, queue, carrying)
          if ('refused' in done) {
            entry.refusedAt.set(target, done.at)
            throw done.refused
          }
          entry.carried.add(target)
          const part = entry.record.queues[target]
          if (part === undefined) return
          const duplicates = (part.duplicates ?? 0) + (done.duplicates ?? 0)
          const more = { ...part, ...done, ...(duplicates > 0 ? { duplicates } : {}) }
          entry.record = { ...entry.record, queues: { ...entry.record.queues, [target]: more } }
        },
      ]
    })
  }

  #acksOf({ id, record }: Entry): Array<() => Promise<void>> {
    return [...acksByQueue(ownAcks(record))].map(
      ([name, acks]) =>
        () =>
          this.#o.queues.get(name)?.heldAcks.settle(id, acks) ?? Promise.resolve(),
    )
  }
}
