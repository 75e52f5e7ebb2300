import { JetStreamApiError } from '@nats-io/jetstream'
import type { Msg, MsgHdrs } from '@nats-io/transport-node'
import { parseQuantity } from '../../crds/index.ts'
import type { Correction } from '../../crds/protocol/api.ts'
import { delayedStream } from '../../crds/protocol/subjects.ts'
import { type BatchMessage, publishBatch } from '../jetstream/atomic-batch.ts'
import { GONE } from '../jetstream/ensure.ts'
import type { StoredMessage } from '../jetstream/stored-message.ts'
import { MAX_IN_FLIGHT } from '../lanes/lane.ts'
import { movesToTail } from '../lanes/lanes.ts'
import { isOfAnother } from '../queue/lost-end.ts'
import type { QueueState } from '../queue/state.ts'
import { isWhatWasStored } from '../queue/is-what-was-stored.ts'
import { headerValue } from '../settlement/copied-headers.ts'
import { mayBeAnswered } from '../wire/inbox.ts'
import { Copies } from './copies.ts'
import { storedHeader } from './headers.ts'
import { Limiter } from './limiter.ts'
import { DelayedMover } from './mover.ts'
import { parkedCopy } from './parked-copy.ts'
import { delayedPublish, type PublishError } from './publish.ts'
import { allSlots, slotOf, slotSubject } from './slot.ts'
import { DelayedStore } from './store.ts'

/** nats-server's error codes, which clients know. */
const NOT_FOUND: PublishError = {
  code: 404,
  err_code: 10037,
  description: 'no message waits with this sequence: it is moved already, or never waited',
}
const STORE_FAILED = 10077
const STOPPED: PublishError = {
  code: 503,
  err_code: STORE_FAILED,
  description:
    'the queue takes nothing more, since it is being removed or its sidecar stops; publish again with the same Nats-Msg-Id',
}

/** So many fit into a second with a disk sync each. */
const STORING_AT_ONCE = 256

/** What a publish is answered with. */
type Answer =
  | { readonly stream: string; readonly seq: number; readonly duplicate?: true }
  | { readonly error: PublishError }

/** The messages of one Queue that wait for their time: publishes to come later, and long backoffs. */
export class Delayed {
  readonly #q: QueueState
  /** What is stored, and what is read for it. nats-server answers many more at once too late, and then most are for nothing. */
  readonly storing = new Limiter(STORING_AT_ONCE)
  readonly #store: DelayedStore
  #mover: DelayedMover | undefined
  /** Set from a start until the mover is there. */
  #recovered: Copies | undefined
  #stopped = false
  #making: Promise<DelayedMover> | undefined
  /** What the stream holds, as far as is known. */
  #messages = 0
  #bytes = 0
  /** Of those, messages that stay in the Queue's stream while they wait, by their sequences there. */
  readonly #inPlace = new Set<number>()
  /** Transactions of which it is not on record that what they send is stored: it stays, so that it can be seen whether it is. */
  readonly #held = new Set<string>()

  constructor(q: QueueState) {
    this.#q = q
    this.#store = new DelayedStore(q.js, q.name)
  }

  /** Whether the Queue ever had a message that waited. */
  get isUsed(): boolean {
    return this.#mover !== undefined
  }

  /** Removes what was copied before a crash; to be called before anything may leave the Queue's stream. */
  async recover(): Promise<void> {
    if (this.#mover !== undefined) return
    const info = await this.#store.info()
    if (info === undefined) return
    const copies = new Copies(this.#q, this.#store, info.created)
    await copies.removeOriginals()
    this.#recovered = copies
  }

  /** Takes up the stream where there is one, as declared. Returns what differed. */
  async takeUp(): Promise<Correction[]> {
    const info = await this.#store.info()
    const known = this.#mover
    if (info === undefined) {
      if (known === undefined) return []
      await this.#release()
      return [{ object: `stream ${delayedStream(this.#q.name)}`, message: `${GONE}, with what waited in it` }]
    }
    const { changed } = await this.#store.ensure(this.#q.spec)
    if (known?.created === info.created) known.listAgain()
    else {
      await this.#release()
      await this.#begin(info.created, info.state.last_seq)
    }
    return changed === undefined || known === undefined ? [] : [changed]
  }

  /** Nothing more is taken or moved. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.#mover?.stop()
  }

  /** Goes on after a stop. */
  async resume(): Promise<void> {
    this.#stopped = false
    await this.#release()
    await this.takeUp()
  }

  /** How many messages wait outside of the Queue's stream, read from nats-server. */
  async count(): Promise<number> {
    if (this.#mover === undefined) return 0
    const info = await this.#store.info()
    // The checkpoint is one of them.
    this.#messages = Math.max(0, (info?.state.messages ?? 0) - 1)
    this.#bytes = info?.state.bytes ?? 0
    return Math.max(0, this.#messages - this.#inPlace.size)
  }

  /** A publish to `delay.<queue>`, or below it to `rest`. */
  async handle(rest: string, message: Msg): Promise<void> {
    const answer = await this.storing
      .run(() => this.#answer(rest, message))
      .catch((error: unknown): Answer => {
        this.#q.logger.warn({ err: error }, 'could not store a delayed message')
        return { error: publishError(error) }
      })
    if ('error' in answer) this.#q.metrics.invalid('delay')
    if (mayBeAnswered(message)) message.respond(JSON.stringify(answer))
  }

  async #answer(rest: string, message: Msg): Promise<Answer> {
    const { name, spec } = this.#q
    if (this.#stopped) return { error: STOPPED }
    const headers = readHeaders(message)
    if (headers === undefined)
      return refusal(
        'a header of the publish cannot be read; use header names of printable ASCII without ":" or spaces',
      )
    const publish = { rest, headers, bytes: message.data.length }
    const wanted = delayedPublish(name, spec, publish, Date.now())
    if (wanted.kind === 'refuse') return { error: wanted.error }
    if (wanted.kind === 'cancel') return this.cancel(wanted.sequence)
    return this.#put(wanted.due, message.data, wanted.headers, wanted.messageId)
  }

  /** Takes back a publish that waits, by the sequence that it was answered with. */
  cancel(sequence: number): Promise<Answer> {
    return this.#q.streamLock.run(async () => {
      const message = this.isUsed ? await this.#store.read(sequence) : undefined
      const isPublish =
        message !== undefined &&
        !this.#held.has(headerValue(message.headers, storedHeader.transaction) ?? '') &&
        headerValue(message.headers, storedHeader.due) !== undefined &&
        headerValue(message.headers, storedHeader.parked) === undefined
      if (!isPublish || !(await this.#store.delete(sequence))) return { error: NOT_FOUND }
      this.#messages--
      return { stream: delayedStream(this.#q.name), seq: sequence }
    })
  }

  /** Resolves when there is a stream to publish to. */
  async made(): Promise<void> {
    await this.#ensure()
  }

  /** Why so much more may not wait; undefined: it may. */
  problem(messages: number, bytes: number): string | undefined {
    return this.#isFull(messages, bytes)?.description
  }

  /** From now on what a transaction puts in stays, until it is released; the last sequence before. */
  async hold(transaction: string): Promise<number> {
    await this.#ensure()
    this.restoreHold(transaction)
    return (await this.#store.info())?.state.last_seq ?? 0
  }

  /** The same after a restart; to be called before the Queue is started. */
  restoreHold(transaction: string): void {
    this.#held.add(transaction)
  }

  release(transaction: string): void {
    this.#held.delete(transaction)
  }

  /** What a transaction that is held has put in: the sequences, in order. */
  async sequencesOf(transaction: string, after: number): Promise<number[]> {
    const info = await this.#store.info()
    // Somebody deleted the stream: its numbers are given again.
    const from = (info?.state.last_seq ?? 0) < after ? 0 : after
    return this.#store.sequencesOf(transaction, from)
  }

  /** Puts messages in, all or none. Throws as `publishBatch` does. @returns the sequence of the last one */
  async putAll(messages: ReadonlyArray<{ readonly due: number; readonly message: BatchMessage }>): Promise<number> {
    const mover = await this.#ensure()
    const { upcoming } = mover
    for (const { due } of messages) upcoming.arriving(due)
    const all = messages.map(({ message }) => message)
    try {
      const last = await publishBatch(this.#q.js, all)
      for (const [index, { due }] of messages.entries()) upcoming.storedInBatch(due, last - all.length + 1 + index)
      return last
    } catch (error) {
      for (const { due } of messages) upcoming.maybeStored(due)
      throw error
    } finally {
      for (const { due } of messages) mover.wakeAt(due)
    }
  }

  /**
   * Puts a message of the Queue, which was delivered and given back, where it waits out a backoff. False where it cannot: then it
   * has to wait in its lane.
   *
   * @param attempts deliveries so far
   * @param until milliseconds since 1970
   */
  async park(message: StoredMessage, attempts: number, until: number): Promise<boolean> {
    const { name: queue, created, spec } = this.#q
    const due = Math.round(until)
    const copy = parkedCopy(message, { queue, spec, created, attempts, due })
    if (this.#stopped || copy === undefined) return false
    const answer = await this.#put(due, copy.data, copy.headers, copy.msgID)
    if ('error' in answer) return false
    if (movesToTail(spec)) this.#inPlace.add(message.seq)
    return true
  }

  async #put(due: number, data: Uint8Array, headers: MsgHdrs, msgID: string | undefined): Promise<Answer> {
    const { js, name } = this.#q
    const mover = await this.#ensure()
    const full = this.#isFull(1, data.length)
    if (full !== undefined) return { error: full }
    const { upcoming } = mover
    upcoming.arriving(due)
    // Counted before it is stored, so that publishes at the same time do not pass the limits together.
    const bytes = data.length
    this.#messages++
    this.#bytes += bytes
    const uncount = (): void => {
      this.#messages--
      this.#bytes -= bytes
    }
    try {
      const options = { headers, ...(msgID === undefined ? {} : { msgID }) }
      const { seq, stream, duplicate } = await js.client.publish(slotSubject(name, slotOf(due)), data, options)
      if (duplicate) {
        uncount()
        upcoming.maybeStored(due)
      } else upcoming.stored(due, seq)
      mover.wakeAt(due)
      return { stream, seq, ...(duplicate ? { duplicate: true } : {}) }
    } catch (error) {
      uncount()
      upcoming.maybeStored(due)
      throw error
    }
  }

  #isFull(messages: number, bytes: number): PublishError | undefined {
    const { maxMessages, maxBytes } = this.#q.spec.retention
    const which =
      this.#messages + messages > maxMessages
        ? `maxMessages (${maxMessages})`
        : this.#bytes + bytes > parseQuantity(maxBytes)
          ? `maxBytes (${maxBytes})`
          : undefined
    return which === undefined
      ? undefined
      : {
          code: 503,
          err_code: STORE_FAILED,
          description: `as many messages wait for their time as the queue may hold: retention.${which} is reached; try again later, or raise it`,
        }
  }

  /** The stream is made when it is needed first. */
  #ensure(): Promise<DelayedMover> {
    if (this.#mover !== undefined) return Promise.resolve(this.#mover)
    this.#making ??= this.#store
      .ensure(this.#q.spec)
      .then(({ info }) => this.#begin(info.created, info.state.last_seq))
      .finally(() => {
        this.#making = undefined
      })
    return this.#making
  }

  async #begin(created: string, last: number): Promise<DelayedMover> {
    const mover = new DelayedMover({
      q: this.#q,
      store: this.#store,
      copies: await this.#copiesOf(created, last === 0),
      returned: ({ sequence, subject }, attempts) => {
        this.#inPlace.delete(sequence)
        return this.#q.returned(sequence, subject, attempts)
      },
      isHeld: (transaction) => this.#held.has(transaction),
    })
    await this.#settleParked(last)
    mover.start()
    this.#mover = mover
    await this.count()
    return mover
  }

  async #copiesOf(created: string, isEmpty: boolean): Promise<Copies> {
    const recovered = this.#recovered
    this.#recovered = undefined
    if (recovered?.created === created) return recovered
    const copies = new Copies(this.#q, this.#store, created)
    if (isEmpty) await copies.none()
    else await this.#q.streamLock.run(() => copies.removeOriginals())
    return copies
  }

  async #release(): Promise<void> {
    await this.#mover?.stop()
    this.#mover = undefined
  }

  /**
   * What was parked before a crash, and is not on record as moved: it is settled now. Only the last ones can be such. Where
   * messages stay in the Queue while they wait, all of them have to be known.
   */
  async #settleParked(last: number): Promise<void> {
    const { spec, settler, created, laneOf } = this.#q
    const isTimer = movesToTail(spec)
    this.#inPlace.clear()
    const after = isTimer ? 0 : Math.max(0, last - 2 * MAX_IN_FLIGHT)
    if (last === 0) return
    for await (const { sequence, parked } of this.#store.above(after, allSlots(this.#q.name))) {
      if (parked === undefined || parked.created !== created) continue
      if (isTimer) {
        if (isOfAnother(this.#q, { streamSequence: parked.sequence, storedAt: parked.storedAt })) {
          await this.#store.delete(sequence)
          continue
        }
        this.#inPlace.add(parked.sequence)
      }
      const lane = laneOf(parked.subject)
      if (lane === undefined || lane.ledger.isSettled(parked.sequence)) continue
      if (isTimer) lane.moving.add(parked.sequence)
      else if (await isWhatWasStored(this.#q, parked)) settler.settle(lane, parked.sequence, 'moved', { late: true })
    }
  }
}

/** Undefined when the client library refuses to read one of them. */
function readHeaders(message: Msg): Array<[string, string]> | undefined {
  try {
    const { headers } = message
    return (headers?.keys() ?? []).flatMap((key) =>
      (headers?.values(key) ?? []).map((value): [string, string] => [key, value]),
    )
  } catch {
    return undefined
  }
}

const refusal = (description: string): Answer => ({ error: { code: 400, err_code: 10003, description } })

function publishError(error: unknown): PublishError {
  if (error instanceof JetStreamApiError) {
    const { code, err_code, description } = error.apiError()
    return { code, err_code, description }
  }
  return {
    code: 503,
    err_code: STORE_FAILED,
    description: 'the broker did not store the message in time; publish it again with the same Nats-Msg-Id',
  }
}
