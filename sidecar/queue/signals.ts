import type { Msg } from '@nats-io/transport-node'
import { ACK_PREFIX, queueStream } from '../../crds/protocol/subjects.ts'
import { type Decision, settle } from '../settle/settle.ts'
import { parseSignal } from '../settle/signal.ts'
import { type Move, moveToDeadLetters } from '../settlement/mover.ts'
import type { AckSubject } from '../wire/ack-subject.ts'
import { mayBeAnswered } from '../wire/inbox.ts'
import type { LaneState } from './lane-state.ts'
import { retryPolicy } from './retry-policy.ts'
import type { QueueState } from './state.ts'

const encoder = new TextEncoder()

/** What consumers say of delivered messages, and what is done about it. */
export class Signals {
  readonly #q: QueueState

  constructor(state: QueueState) {
    this.#q = state
  }

  handle(ack: AckSubject, message: Msg): void {
    const { lanes, metrics, js, settler } = this.#q
    const lane = lanes.find(({ consumer }) => consumer === ack.consumer)
    // Stored before the stream was made: of an earlier one of this name, whose numbers other messages have now.
    if (lane === undefined || ack.storedAt < this.#q.createdAt) return metrics.invalid('ack')
    const reply = message.reply || undefined
    if (reply !== undefined && !mayBeAnswered(message)) return metrics.invalid('ack')
    const sequence = ack.streamSequence
    const signal = parseSignal(message.data)
    const settled = lane.ledger.isSettled(sequence) || lane.moving.has(sequence)
    if (signal.kind === 'ackNext') {
      // Its reply is the client's inbox for the next message, not for a confirmation.
      if (!settled) settler.settle(lane, sequence, 'acknowledged', undefined, ack.consumerSequence)
      lane.spread?.flow?.answered(ack.consumerSequence)
      if (reply !== undefined) this.#q.pull(lane.group, encoder.encode(signal.request), reply)
    } else if (settled) {
      this.#answered(lane, ack)
      if (reply !== undefined) js.connection.publish(reply)
    } else {
      const decision = settle(signal, ack.delivered, retryPolicy(this.#q.spec), Math.random())
      if (decision.kind === 'acknowledge' || sequence <= lane.ledger.delivered)
        this.#carryOut(lane, ack, reply, decision)
      else void this.#carryOutIfDelivered(lane, ack, reply, decision)
    }
  }

  /** A delivery of the lane came to an answer, whatever it was. */
  #answered({ spread }: LaneState, { consumerSequence, streamSequence }: AckSubject): void {
    if (spread === undefined) return
    spread.ledger.answer(consumerSequence, streamSequence)
    spread.flow?.answered(consumerSequence)
    spread.changed()
  }

  /** Lets go of what retries and extensions left behind. */
  forget(now: number): void {
    for (const { alive, ledger } of this.#q.lanes) {
      for (const [sequence, until] of alive) if (until < now || ledger.isSettled(sequence)) alive.delete(sequence)
    }
  }

  /** Moves a message to the dead letters and settles it; `reply` is told when that is on record. */
  async move(lane: LaneState, move: Move, reply?: string): Promise<void> {
    const { js, name, created, logger, metrics, settler } = this.#q
    if (lane.moving.has(move.sequence)) return
    lane.moving.add(move.sequence)
    try {
      const result = await moveToDeadLetters(js, name, created, move)
      if (result === 'moved') {
        metrics.deadLettered(lane.group, move.reason)
        logger.info(move, 'dead-lettered a message')
      }
      settler.settle(lane, move.sequence, result === 'moved' ? 'deadLettered' : 'dropped', reply)
    } catch (error) {
      // The message stays where it is: it is delivered again, or found as a hole, and then moved.
      lane.moving.delete(move.sequence)
      logger.warn({ err: error, ...move }, 'could not move a message to the dead letters')
    }
  }

  /** The settler checks acknowledgements in batches; the other signals act on a message at once, so it has to be a delivered one. */
  async #carryOutIfDelivered(
    lane: LaneState,
    ack: AckSubject,
    reply: string | undefined,
    decision: Decision,
  ): Promise<void> {
    const { js, logger, metrics, name } = this.#q
    try {
      const info = await js.manager.consumers.info(queueStream(name), lane.consumer)
      lane.ledger.sawDelivered(info.delivered.stream_seq)
    } catch (error) {
      return logger.warn({ err: error }, 'could not check a signal; the message is delivered again after its timeout')
    }
    if (lane.moving.has(ack.streamSequence) || lane.ledger.isSettled(ack.streamSequence)) {
      if (reply !== undefined) js.connection.publish(reply)
      return
    }
    if (ack.streamSequence <= lane.ledger.delivered) return this.#carryOut(lane, ack, reply, decision)
    metrics.invalid('ack')
    logger.warn(
      { consumer: lane.consumer, sequence: ack.streamSequence },
      'ignored a signal about a message not delivered',
    )
  }

  #carryOut(lane: LaneState, ack: AckSubject, reply: string | undefined, decision: Decision): void {
    const { js, logger, metrics, settler } = this.#q
    const sequence = ack.streamSequence
    switch (decision.kind) {
      case 'acknowledge':
        metrics.redelivered(lane.group, ack.delivered - 1)
        settler.settle(lane, sequence, 'acknowledged', reply, ack.consumerSequence)
        lane.spread?.flow?.answered(ack.consumerSequence)
        break
      case 'retry':
        metrics.nacked(lane.group)
        this.#keepAlive(lane, sequence, decision.delayMs)
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
        void this.move(lane, move, reply)
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
    const subject = `${ACK_PREFIX}.${queueStream(this.#q.name)}.${lane.consumer}.${ack.rest}`
    const publish = (): void => this.#q.js.connection.publish(subject, body, reply === undefined ? {} : { reply })
    // What is given back while a purge is on its way would be forgotten by that purge (see may-purge.ts).
    const { purging } = this.#q.settler
    if (purging === undefined) publish()
    else void purging.then(publish)
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
