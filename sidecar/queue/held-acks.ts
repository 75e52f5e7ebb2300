import { ACK_SUBJECT, queueStream } from '../../crds/protocol/subjects.ts'
import { SidecarError } from '../sidecar-error.ts'
import { type AckSubject, parseAckSubject } from '../wire/ack-subject.ts'
import { askTogether } from './ask-together.ts'
import { isSurelyDelivered, type LaneState } from './lane-state.ts'
import { isOfAnother } from './lost-end.ts'
import { retryPolicy } from './retry-policy.ts'
import type { Signals } from './signals.ts'
import type { QueueState } from './state.ts'

/** A held message is kept from being delivered again so often within a visibility timeout. */
const EXTENSIONS = 4
/** What clients publish to; the subject mappings make the other of it. */
const CLIENT_PREFIX = '$JS.ACK.'
const PREFIX = ACK_SUBJECT.slice(0, ACK_SUBJECT.indexOf('*'))
const NAK = new TextEncoder().encode('-NAK')

/** What an acknowledgement's subject names, as a client has it; undefined: it is none. */
export const parseClientAck = (subject: string): AckSubject | undefined =>
  subject.startsWith(CLIENT_PREFIX) ? parseAckSubject(PREFIX + subject.slice(CLIENT_PREFIX.length)) : undefined

/** Delivered messages that transactions acknowledge: neither settled nor delivered again before those are decided. */
export class HeldAcks {
  readonly #q: QueueState
  readonly #signals: Signals
  /** By transaction. */
  readonly #held = new Map<string, AckSubject[]>()
  readonly #looks = new WeakMap<LaneState, () => Promise<void>>()
  #extended = 0

  constructor(state: QueueState, signals: Signals) {
    this.#q = state
    this.#signals = signals
  }

  /** Finds out how far lanes have delivered, where it is not known that they delivered one of these. */
  async look(acks: readonly AckSubject[]): Promise<void> {
    for (const ack of acks) {
      const lane = this.#lane(ack)
      if (lane === undefined) continue
      if (isSurelyDelivered(lane, ack)) lane.ledger.sawDelivered(ack.streamSequence)
      if (ack.streamSequence > lane.ledger.delivered) await this.#lookAt(lane)
    }
  }

  async #lookAt(lane: LaneState): Promise<void> {
    const { name, js } = this.#q
    let ask = this.#looks.get(lane)
    if (ask === undefined) {
      ask = askTogether(async () => {
        const info = await js.manager.consumers.info(queueStream(name), lane.consumer)
        lane.ledger.sawDelivered(info.delivered.stream_seq)
      })
      this.#looks.set(lane, ask)
    }
    await ask()
  }

  /** Why a transaction cannot acknowledge it; undefined: it can. To be called after `look`. */
  problem(transaction: string, ack: AckSubject): SidecarError | undefined {
    const { name, settler } = this.#q
    const { streamSequence: sequence } = ack
    const refuse = (why: string): SidecarError =>
      new SidecarError('AckRefused', `message ${sequence} of queue ${name} ${why}`, { field: 'acks' })
    const lane = this.#lane(ack)
    if (lane === undefined) return refuse(`was not delivered by "${ack.consumer}", which is no consumer of the queue`)
    if (isOfAnother(this.#q, ack)) return refuse('is of an earlier queue of this name, or was lost with the power')
    const holder = lane.held.get(sequence)
    if (holder === transaction) return undefined
    if (holder !== undefined) return refuse(`is held by transaction ${holder}, which acknowledges it too`)
    if (sequence > lane.ledger.delivered) return refuse('was not delivered')
    if (lane.ledger.isSettled(sequence) || lane.moving.has(sequence) || settler.isEnding(lane, sequence))
      return refuse('is settled already: it was acknowledged, dead-lettered, or given back')
    return undefined
  }

  /** To be called in the turn in which it was found that there is no problem. */
  hold(transaction: string, acks: readonly AckSubject[]): void {
    const held = this.#held.get(transaction) ?? []
    this.#held.set(transaction, held)
    for (const ack of acks) {
      const lane = this.#lane(ack)
      if (lane === undefined || lane.ledger.isSettled(ack.streamSequence)) continue
      if (lane.held.has(ack.streamSequence)) continue
      lane.held.set(ack.streamSequence, transaction)
      lane.moving.add(ack.streamSequence)
      held.push(ack)
      this.#signals.extend(lane, ack)
    }
  }

  /** Keeps what is held from being delivered again; to be called often. @param now monotonic milliseconds */
  extend(now: number): void {
    if (now - this.#extended < retryPolicy(this.#q.spec).visibilityTimeoutMs / EXTENSIONS) return
    this.#extended = now
    for (const acks of this.#held.values()) {
      for (const ack of acks) {
        const lane = this.#lane(ack)
        if (lane !== undefined) this.#signals.extend(lane, ack)
      }
    }
  }

  /** Puts on record that they are acknowledged; the same again does nothing. Throws where it is not known to be on record. */
  async settle(transaction: string, acks: readonly AckSubject[]): Promise<void> {
    const { settler } = this.#q
    this.#free(transaction)
    const open = acks.flatMap((ack) => {
      const lane = this.#lane(ack)
      const isOpen = lane !== undefined && !isOfAnother(this.#q, ack) && !lane.ledger.isSettled(ack.streamSequence)
      return isOpen ? [{ lane, ack }] : []
    })
    for (const { lane, ack } of open) {
      // It is on its way to the record, where an earlier call put it.
      if (!settler.isEnding(lane, ack.streamSequence)) this.#signals.acknowledge(lane, ack)
    }
    if (open.length > 0) await settler.recorded()
    const missing = open.some(({ lane, ack }) => this.#lane(ack) === lane && !lane.ledger.isSettled(ack.streamSequence))
    if (missing) throw new Error('the settlement log did not confirm what the transaction acknowledges')
  }

  /** Gives them back, as if their consumer had. */
  release(transaction: string): void {
    for (const { lane, ack } of this.#free(transaction)) {
      lane.moving.delete(ack.streamSequence)
      this.#signals.handle(ack, { data: NAK })
    }
  }

  #free(transaction: string): Array<{ lane: LaneState; ack: AckSubject }> {
    const held = this.#held.get(transaction) ?? []
    this.#held.delete(transaction)
    return held.flatMap((ack) => {
      const lane = this.#lane(ack)
      return lane?.held.delete(ack.streamSequence) ? [{ lane, ack }] : []
    })
  }

  #lane({ consumer }: AckSubject): LaneState | undefined {
    return this.#q.lanes.find((lane) => lane.consumer === consumer)
  }
}
