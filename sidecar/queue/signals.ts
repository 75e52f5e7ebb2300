import { ACK_PREFIX, queueStream } from '../../crds/protocol/subjects.ts'
import type { Delayed } from '../delay/delayed.ts'
import { isLong, parks } from '../delay/parks.ts'
import { storedMessage } from '../jetstream/stored-message.ts'
import { movesToTail } from '../lanes/lanes.ts'
import { Mutex } from '../mutex.ts'
import { type Decision, settle, unanswered } from '../settle/settle.ts'
import { parseSignal, type Signal } from '../settle/signal.ts'
import { QUEUED_WITHIN_MS } from '../settlement/may-purge.ts'
import { type Move, moveToDeadLetters } from '../settlement/mover.ts'
import { attemptsBefore } from '../settlement/copied-headers.ts'
import { moveToTail } from '../settlement/tail.ts'
import type { AckMessage } from '../wire/ack-frames.ts'
import type { AckSubject } from '../wire/ack-subject.ts'
import { mayBeAnswered } from '../wire/inbox.ts'
import { isSurelyDelivered, type LaneState } from './lane-state.ts'
import { isOfAnother } from './lost-end.ts'
import { movedIsKnownMs, retryPolicy } from './retry-policy.ts'
import type { QueueState } from './state.ts'

/** As long as a timer can wait. Milliseconds. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

const encoder = new TextEncoder()

interface GivenBack {
  readonly signal: Signal
  readonly reply: string | undefined
  /** When it was; milliseconds since 1970. */
  readonly now: number
}

/** What consumers say of delivered messages, and what is done about it. */
export class Signals {
  readonly #q: QueueState
  /** Of messages that wait out their backoff before they are moved to the tail. */
  readonly #timers = new Set<NodeJS.Timeout>()
  /** The lanes as they were when they were put into `#byConsumer`. */
  #indexed: readonly LaneState[] = []
  #byConsumer: ReadonlyMap<string, LaneState> = new Map()
  readonly #delayed: Delayed
  readonly #deadLetterTurns = new Mutex()
  /** Of messages that are dead-lettered only if it turns out that they were delivered. */
  readonly #inTurn = new Mutex()
  #checks = 0

  constructor(state: QueueState, delayed: Delayed) {
    this.#q = state
    this.#delayed = delayed
  }

  handle(ack: AckSubject, message: AckMessage): void {
    const { metrics, js, settler } = this.#q
    const lane = this.#lane(ack.consumer)
    if (lane === undefined || isOfAnother(this.#q, ack)) return metrics.invalid('ack')
    const reply = message.reply || undefined
    if (reply !== undefined && !mayBeAnswered(message)) return metrics.invalid('ack')
    this.#q.active.get(lane.group)?.heard()
    const sequence = ack.streamSequence
    // Asking nats-server of each lane whether it delivered the message would cost more than the rest.
    if (isSurelyDelivered(lane, ack)) lane.ledger.sawDelivered(sequence)
    const holder = lane.held.get(sequence)
    if (holder !== undefined) return this.#refuseHeld(holder, reply)
    const signal = parseSignal(message.data)
    // Acknowledged just now: what another consumer that was given it says comes too late.
    const isEnding = signal.kind !== 'ack' && signal.kind !== 'ackNext' && settler.isEnding(lane, sequence)
    const settled = isEnding || lane.ledger.isSettled(sequence) || lane.moving.has(sequence)
    if (signal.kind === 'ackNext') {
      // Its reply is the client's inbox for the next message, not for a confirmation.
      if (settled) lane.spread?.flow?.answered(ack.consumerSequence, performance.now())
      else this.#acknowledged(lane, ack, undefined)
      if (reply !== undefined) this.#q.pull(lane.group, encoder.encode(signal.request), reply)
    } else if (settled) {
      this.#answered(lane, ack)
      if (reply === undefined) return
      // Its copy is delivered again: that this one came too late is told by no confirmation.
      if (signal.kind === 'ack' && (lane.moving.has(sequence) || lane.movedAt.has(sequence))) return
      // Told only when JetStream knows too, so that it is not delivered again then.
      if (lane.unacked.remove(sequence)) settler.purger.acknowledge(lane, sequence, reply)
      else js.connection.publish(reply)
    } else {
      if (movesToTail(this.#q.spec) && (signal.kind === 'nak' || signal.kind === 'term')) {
        this.#later(sequence, this.#failedIfDelivered(lane, ack, signal, reply))
        return
      }
      // What came back to the Queue was delivered before, which only the message itself says.
      if (signal.kind === 'nak' && this.#delayed.isUsed && parks(this.#q.spec)) {
        this.#later(sequence, this.#givenBack(lane, ack, signal, reply))
        return
      }
      const decision = settle(signal, ack.delivered, retryPolicy(this.#q.spec), Math.random())
      if (decision.kind === 'retry' && isLong(decision.delayMs) && parks(this.#q.spec)) {
        this.#later(sequence, this.#givenBack(lane, ack, signal, reply))
        return
      }
      // One that is asked about keeps back those after it, or they would stand before it among the dead letters.
      const mustWait = decision.kind === 'deadLetter' && this.#checks > 0
      if (decision.kind === 'acknowledge' || (sequence <= lane.ledger.delivered && !mustWait))
        this.#carryOut(lane, ack, reply, decision)
      else this.#later(sequence, this.#carryOutIfDelivered(lane, ack, reply, decision))
    }
  }

  /** A transaction acknowledges it: it is put on record soon, as the word of a client is. */
  acknowledge(lane: LaneState, ack: AckSubject): void {
    const flow = lane.spread?.flow
    flow?.answered(ack.consumerSequence, performance.now())
    this.#q.metrics.redelivered(lane.group, ack.delivered - 1)
    const { consumerSequence: delivery, streamSequence } = ack
    this.#q.settler.settle(lane, streamSequence, 'acknowledged', { delivery, late: true, certain: true })
  }

  /** The visibility timeout of a delivery begins anew. */
  extend(lane: LaneState, ack: AckSubject): void {
    this.#carryOut(lane, ack, undefined, { kind: 'extend' })
  }

  /** What is to become of a message that a transaction acknowledges is for that to say. */
  #refuseHeld(transaction: string, reply: string | undefined): void {
    this.#q.metrics.invalid('ack')
    if (reply !== undefined)
      this.#q.js.connection.publish(reply, `-ERR 'transaction ${transaction} acknowledges it, and is not decided'`)
  }

  /** What goes on after a signal. The connection may end meanwhile, as it does at a stop in good order: that must end nothing else. */
  #later(sequence: number, work: Promise<void>): void {
    work.catch((error: unknown) => {
      this.#q.logger.debug({ err: error, sequence }, 'could not carry out a signal; the message is delivered again')
    })
  }

  #lane(consumer: string): LaneState | undefined {
    const { lanes } = this.#q
    if (lanes !== this.#indexed) {
      this.#indexed = lanes
      this.#byConsumer = new Map(lanes.map((lane) => [lane.consumer, lane]))
    }
    return this.#byConsumer.get(consumer)
  }

  /** A delivery of the lane came to an answer, whatever it was. */
  #answered({ spread }: LaneState, { consumerSequence, streamSequence }: AckSubject): void {
    if (spread === undefined) return
    spread.ledger.answer(consumerSequence, streamSequence)
    spread.flow?.answered(consumerSequence, performance.now())
    spread.changed()
  }

  /** Lets go of what retries and extensions left behind. */
  forget(now: number): void {
    const since = now - movedIsKnownMs(this.#q.spec)
    for (const { alive, delayed, ledger, movedAt } of this.#q.lanes) {
      for (const [sequence, until] of delayed) {
        if (until + QUEUED_WITHIN_MS < now || ledger.isSettled(sequence)) delayed.delete(sequence)
      }
      for (const [sequence, until] of alive) if (until < now || ledger.isSettled(sequence)) alive.delete(sequence)
      for (const [sequence, at] of movedAt) if (at < since) movedAt.delete(sequence)
    }
  }

  /** Moves a message to the dead letters and settles it; `reply` is told when that is on record. */
  async move(lane: LaneState, move: Move, reply?: string): Promise<void> {
    const { js, name, created, logger, metrics, settler } = this.#q
    if (lane.moving.has(move.sequence)) return
    lane.moving.add(move.sequence)
    try {
      const result = await moveToDeadLetters(js, name, created, move, this.#deadLetterTurns)
      if (result === 'moved') {
        metrics.deadLettered(lane.group, move.reason)
        logger.info(move, 'dead-lettered a message')
      }
      // How long ago it was delivered is not known, and it may be about to be delivered again.
      settler.settle(lane, move.sequence, result === 'moved' ? 'deadLettered' : 'dropped', { reply, late: true })
    } catch (error) {
      // The message stays where it is: it is delivered again, or found as a hole, and then moved.
      lane.moving.delete(move.sequence)
      logger.warn({ err: error, ...move }, 'could not move a message to the dead letters')
    }
  }

  /**
   * A delivery of a message that moves to the tail failed: it goes there after its backoff, or to the dead letters. Until then
   * JetStream may give the message up, which is told by a hint that is not heeded.
   */
  async failed(lane: LaneState, sequence: number, signal: Signal | 'timeout', reply?: string): Promise<void> {
    const { js, name, logger, settler, spec, metrics } = this.#q
    if (lane.moving.has(sequence) || settler.isEnding(lane, sequence)) return
    lane.moving.add(sequence)
    try {
      const message = await storedMessage(js, queueStream(name), sequence)
      if (message === undefined) return settler.settle(lane, sequence, 'dropped', { reply })
      const attempts = attemptsBefore(message.headers) + 1
      const policy = retryPolicy(spec)
      const decision =
        signal === 'timeout' ? unanswered(attempts, policy) : settle(signal, attempts, policy, Math.random())
      if (signal !== 'timeout' && signal.kind === 'nak') metrics.nacked(lane.group)
      if (decision.kind === 'deadLetter') {
        lane.moving.delete(sequence)
        const { reason, error } = decision
        return await this.move(
          lane,
          { group: lane.group, sequence, reason, attempts: 1, ...(error ? { error } : {}) },
          reply,
        )
      }
      const delayMs = decision.kind === 'retry' ? decision.delayMs : 0
      const isParked = isLong(delayMs) && (await this.#delayed.park(message, attempts, Date.now() + delayMs))
      if (reply !== undefined) js.connection.publish(reply)
      if (isParked) return
      if (delayMs <= 0) return await this.#toTail(lane, sequence, attempts)
      const timer = setTimeout(
        () => {
          this.#timers.delete(timer)
          this.#later(sequence, this.#toTail(lane, sequence, attempts))
        },
        Math.min(delayMs, LONGEST_TIMER_MS),
      )
      this.#timers.add(timer)
    } catch (error) {
      lane.moving.delete(sequence)
      logger.warn({ err: error, sequence }, 'could not look at a message that failed; it is given up after its timeout')
    }
  }

  /** What waits out its backoff is found as given up after a restart, and moved then. */
  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
  }

  async #toTail(lane: LaneState, sequence: number, attempts: number): Promise<void> {
    const { js, name, created, logger, metrics, settler } = this.#q
    try {
      const result = await moveToTail(js, name, created, { sequence, attempts })
      if (result === 'moved') metrics.redelivered(lane.group, 1)
      settler.settle(lane, sequence, result === 'moved' ? 'moved' : 'dropped')
    } catch (error) {
      lane.moving.delete(sequence)
      logger.warn(
        { err: error, sequence },
        'could not move a message to the tail; it is found as given up, and moved then',
      )
    }
  }

  /** A message that waits to be moved to the tail has waited long enough. */
  async returned(sequence: number, subject: string, attempts: number): Promise<void> {
    const lane = this.#q.laneOf(subject)
    if (lane === undefined) return
    if (lane.ledger.isSettled(sequence)) {
      // A newer one took its place meanwhile.
      lane.moving.delete(sequence)
      return
    }
    lane.moving.add(sequence)
    await this.#toTail(lane, sequence, attempts)
  }

  /**
   * A message was given back that may wait long, or did before: then it waits outside of its lane, where it holds no place, and
   * its deliveries are added up.
   */
  async #givenBack(lane: LaneState, ack: AckSubject, signal: Signal, reply: string | undefined): Promise<void> {
    // It may have to wait for its turn, and what is said of it meanwhile comes too late.
    lane.moving.add(ack.streamSequence)
    const now = Date.now()
    await this.#delayed.storing.run(() => this.#park(lane, ack, { signal, reply, now }))
  }

  async #park(lane: LaneState, ack: AckSubject, { signal, reply, now }: GivenBack): Promise<void> {
    const { js, name, logger, metrics, settler, spec } = this.#q
    const sequence = ack.streamSequence
    const isDelivered = await this.#isDelivered(lane, ack)
    if (!isDelivered || lane.ledger.isSettled(sequence)) {
      lane.moving.delete(sequence)
      if (isDelivered && reply !== undefined) js.connection.publish(reply)
      return
    }
    try {
      const message = await storedMessage(js, queueStream(name), sequence)
      if (message === undefined) {
        this.#answered(lane, ack)
        return settler.settle(lane, sequence, 'dropped', { reply })
      }
      const attempts = attemptsBefore(message.headers) + ack.delivered
      const decision = settle(signal, attempts, retryPolicy(spec), Math.random())
      const isParked =
        decision.kind === 'retry' &&
        isLong(decision.delayMs) &&
        (await this.#delayed.park(message, attempts, now + decision.delayMs))
      if (isParked) {
        metrics.nacked(lane.group)
        this.#answered(lane, ack)
        // Delivered again before a purge, it would be there twice.
        return settler.settle(lane, sequence, 'moved', { reply, late: true })
      }
      lane.moving.delete(sequence)
      this.#carryOut(lane, ack, reply, decision)
    } catch (error) {
      lane.moving.delete(sequence)
      logger.warn(
        { err: error, sequence },
        'could not look at a message that was given back; it is delivered again after its timeout',
      )
    }
  }

  async #failedIfDelivered(lane: LaneState, ack: AckSubject, signal: Signal, reply: string | undefined): Promise<void> {
    if (!(await this.#isDelivered(lane, ack))) return
    this.#answered(lane, ack)
    await this.failed(lane, ack.streamSequence, signal, reply)
  }

  /** The settler checks acknowledgements in batches; the other signals act on a message at once, so it has to be a delivered one. */
  async #carryOutIfDelivered(
    lane: LaneState,
    ack: AckSubject,
    reply: string | undefined,
    decision: Decision,
  ): Promise<void> {
    if (!(await this.#isDeliveredInTurn(lane, ack, decision))) return
    if (lane.moving.has(ack.streamSequence) || lane.ledger.isSettled(ack.streamSequence)) {
      if (reply !== undefined) this.#q.js.connection.publish(reply)
      return
    }
    this.#carryOut(lane, ack, reply, decision)
  }

  async #isDeliveredInTurn(lane: LaneState, ack: AckSubject, { kind }: Decision): Promise<boolean> {
    if (kind !== 'deadLetter') return this.#isDelivered(lane, ack)
    this.#checks++
    const isDelivered = await this.#inTurn.run(() => this.#isDelivered(lane, ack))
    this.#checks--
    return isDelivered
  }

  async #isDelivered(lane: LaneState, { streamSequence: sequence }: AckSubject): Promise<boolean> {
    const { js, logger, metrics, name } = this.#q
    if (sequence <= lane.ledger.delivered) return true
    try {
      const info = await js.manager.consumers.info(queueStream(name), lane.consumer)
      lane.ledger.sawDelivered(info.delivered.stream_seq)
    } catch (error) {
      logger.warn({ err: error }, 'could not check a signal; the message is delivered again after its timeout')
      return false
    }
    if (sequence <= lane.ledger.delivered) return true
    metrics.invalid('ack')
    logger.warn({ consumer: lane.consumer, sequence }, 'ignored a signal about a message not delivered')
    return false
  }

  #acknowledged(lane: LaneState, ack: AckSubject, reply: string | undefined): void {
    const { consumerSequence: delivery, streamSequence } = ack
    const flow = lane.spread?.flow
    // Given back by somebody who was given it too, or long ago.
    const isLong = flow !== undefined && flow.timeLeft(delivery, performance.now()) < this.#visibilityTimeoutMs / 2
    const late = isLong || lane.delayed.has(streamSequence)
    flow?.answered(delivery, performance.now())
    this.#q.settler.settle(lane, streamSequence, 'acknowledged', { reply, delivery, late })
  }

  get #visibilityTimeoutMs(): number {
    return retryPolicy(this.#q.spec).visibilityTimeoutMs
  }

  #carryOut(lane: LaneState, ack: AckSubject, reply: string | undefined, decision: Decision): void {
    const { js, logger, metrics } = this.#q
    const sequence = ack.streamSequence
    switch (decision.kind) {
      case 'acknowledge':
        metrics.redelivered(lane.group, ack.delivered - 1)
        this.#acknowledged(lane, ack, reply)
        break
      case 'retry':
        metrics.nacked(lane.group)
        this.#keepAlive(lane, sequence, decision.delayMs)
        lane.delayed.set(sequence, performance.now() + decision.delayMs)
        this.#passOn(lane, ack, nak(decision.delayMs), reply)
        lane.spread?.ledger.answer(ack.consumerSequence, sequence)
        lane.spread?.flow?.retried(ack.consumerSequence, decision.delayMs, performance.now())
        lane.spread?.changed(performance.now() + decision.delayMs)
        break
      case 'extend':
        this.#keepAlive(lane, sequence, 0)
        this.#passOn(lane, ack, '+WPI', reply)
        lane.spread?.flow?.extended(ack.consumerSequence, performance.now())
        break
      case 'deadLetter': {
        const { reason, error } = decision
        this.#answered(lane, ack)
        if (reason === 'max-attempts') metrics.nacked(lane.group)
        metrics.redelivered(lane.group, ack.delivered - 1)
        const move = { group: lane.group, sequence, reason, attempts: ack.delivered, ...(error ? { error } : {}) }
        this.#later(sequence, this.move(lane, move, reply))
        break
      }
      case 'refuse':
        metrics.invalid('ack')
        logger.warn({ sequence, problem: decision.message }, 'refused a malformed acknowledgement')
        if (reply !== undefined) js.connection.publish(reply, `-ERR '${decision.message}'`)
        break
      default:
        decision satisfies never
    }
  }

  #passOn(lane: LaneState, ack: AckSubject, body: string, reply: string | undefined): void {
    // When the message was stored, and how many were left, nats-server does not read.
    const numbers = `${ack.delivered}.${ack.streamSequence}.${ack.consumerSequence}.0.0`
    const subject = `${ACK_PREFIX}.${queueStream(this.#q.name)}.${lane.consumer}.${numbers}`
    const publish = (): void => this.#q.js.connection.publish(subject, body, reply === undefined ? {} : { reply })
    // What is given back while a purge is on its way would be forgotten by that purge (see may-purge.ts).
    const { purging } = this.#q.settler.purger
    if (purging === undefined) publish()
    else this.#later(ack.streamSequence, purging.then(publish))
  }

  #keepAlive(lane: LaneState, sequence: number, delayMs: number): void {
    lane.alive.set(sequence, performance.now() + delayMs + retryPolicy(this.#q.spec).visibilityTimeoutMs)
  }
}

/** Without a delay nats-server queues the message at once, before newer ones; with one, even of 0, it goes by a timer. */
const nak = (delayMs: number): string => {
  const delay = Math.round(delayMs * 1e6)
  return delay === 0 ? '-NAK' : `-NAK ${JSON.stringify({ delay })}`
}
