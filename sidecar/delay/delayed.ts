import { JetStreamApiError } from '@nats-io/jetstream'
import { type Msg, type MsgHdrs, MsgHdrsImpl } from '@nats-io/transport-node'
import { formatDuration, parseQuantity } from '../../crds/index.ts'
import type { Correction } from '../../crds/protocol/api.ts'
import { delayedStream } from '../../crds/protocol/subjects.ts'
import { GONE } from '../jetstream/ensure.ts'
import type { StoredMessage } from '../jetstream/stored-message.ts'
import { MAX_IN_FLIGHT } from '../lanes/lane.ts'
import { movesToTail } from '../lanes/lanes.ts'
import type { QueueState } from '../queue/state.ts'
import { copyHeader, headerValue, producersId, repeatedHeaders } from '../settlement/copied-headers.ts'
import { mayBeAnswered } from '../wire/inbox.ts'
import { storedHeader } from './headers.ts'
import { DelayedMover } from './mover.ts'
import { delayedPublish, fits, type PublishError } from './publish.ts'
import { allSlots, slotOf, slotSubject } from './slot.ts'
import { DelayedStore } from './store.ts'
import { ttlMs } from './ttl.ts'

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

/** What a publish is answered with. */
type Answer =
  | { readonly stream: string; readonly seq: number; readonly duplicate?: true }
  | { readonly error: PublishError }

/** The messages of one Queue that wait for their time: publishes to come later, and long backoffs. */
export class Delayed {
  readonly #q: QueueState
  readonly #store: DelayedStore
  #mover: DelayedMover | undefined
  #stopped = false
  #making: Promise<DelayedMover> | undefined
  /** What the stream holds, as far as is known. */
  #messages = 0
  #bytes = 0

  constructor(q: QueueState) {
    this.#q = q
    this.#store = new DelayedStore(q.js, q.name)
  }

  /** Whether the Queue ever had a message that waited. */
  get isUsed(): boolean {
    return this.#mover !== undefined
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

  /** How many messages wait, read from nats-server. */
  async count(): Promise<number> {
    if (this.#mover === undefined) return 0
    const info = await this.#store.info()
    // The checkpoint is one of them.
    this.#messages = Math.max(0, (info?.state.messages ?? 0) - 1)
    this.#bytes = info?.state.bytes ?? 0
    return this.#messages
  }

  /** A publish to `delay.<queue>`, or below it to `rest`. */
  async handle(rest: string, message: Msg): Promise<void> {
    const answer = await this.#answer(rest, message).catch((error: unknown): Answer => {
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
    const full = this.#isFull(message.data.length)
    if (full !== undefined) return { error: full }
    return this.#put(wanted.due, message.data, wanted.headers, wanted.messageId)
  }

  /** Takes back a publish that waits, by the sequence that it was answered with. */
  cancel(sequence: number): Promise<Answer> {
    return this.#q.exclusive.run(async () => {
      const message = this.isUsed ? await this.#store.read(sequence) : undefined
      const isPublish =
        message !== undefined &&
        headerValue(message.headers, storedHeader.due) !== undefined &&
        headerValue(message.headers, storedHeader.parked) === undefined
      if (!isPublish || !(await this.#store.delete(sequence))) return { error: NOT_FOUND }
      this.#messages--
      return { stream: delayedStream(this.#q.name), seq: sequence }
    })
  }

  /**
   * Puts a message of the Queue, which was delivered and given back, where it waits out a backoff. False where it cannot: then it
   * has to wait in its lane.
   *
   * @param attempts deliveries so far
   */
  async park(message: StoredMessage, attempts: number, delayMs: number): Promise<boolean> {
    const { name, created, spec } = this.#q
    if (this.#isFull(message.data.length) !== undefined) return false
    const due = Date.now() + Math.round(delayMs)
    const isTimer = movesToTail(spec)
    const headers = isTimer ? new MsgHdrsImpl() : repeatedHeaders(message.headers)
    const id = producersId(message.headers)
    if (id !== undefined) headers.set(copyHeader.messageId, id)
    headers.delete(copyHeader.delayedSequence)
    headers.set(copyHeader.attempts, String(attempts))
    headers.set(storedHeader.due, String(due))
    headers.set(storedHeader.subject, message.subject)
    headers.set(storedHeader.parked, `${message.seq} ${created}`)
    const ttl = ttlMs(headerValue(message.headers, 'Nats-TTL') ?? '')
    if (ttl !== undefined) {
      const left = ttl - (due - message.time.getTime())
      // It ends before it would come back.
      if (left <= 0) return false
      headers.set(storedHeader.ttl, formatDuration(left))
    }
    if (!fits(spec, message.data.length, headers)) return false
    const answer = await this.#put(
      due,
      isTimer ? new Uint8Array() : message.data,
      headers,
      `parked:${name}:${created}:${message.seq}`,
    )
    return !('error' in answer)
  }

  async #put(due: number, data: Uint8Array, headers: MsgHdrs, msgID: string | undefined): Promise<Answer> {
    const { js, name } = this.#q
    const mover = await this.#ensure()
    const { upcoming } = mover
    upcoming.arriving(due)
    try {
      const options = { headers, ...(msgID === undefined ? {} : { msgID }) }
      const { seq, stream, duplicate } = await js.client.publish(slotSubject(name, slotOf(due)), data, options)
      if (duplicate) upcoming.maybeStored(due)
      else {
        upcoming.stored(due, seq)
        this.#messages++
        this.#bytes += data.length
      }
      mover.wakeAt(due)
      return { stream, seq, ...(duplicate ? { duplicate: true } : {}) }
    } catch (error) {
      upcoming.maybeStored(due)
      throw error
    }
  }

  #isFull(bytes: number): PublishError | undefined {
    const { maxMessages, maxBytes } = this.#q.spec.retention
    const which =
      this.#messages >= maxMessages
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
    const mover = new DelayedMover(this.#q, this.#store, created)
    await this.#settleParked(last)
    await mover.start()
    this.#mover = mover
    await this.count()
    return mover
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
    const after = isTimer ? 0 : Math.max(0, last - 2 * MAX_IN_FLIGHT)
    if (last === 0) return
    for await (const { parked } of this.#store.above(after, allSlots(this.#q.name))) {
      if (parked === undefined || parked.created !== created) continue
      const lane = laneOf(parked.subject)
      if (lane === undefined || lane.ledger.isSettled(parked.sequence)) continue
      if (isTimer) lane.moving.add(parked.sequence)
      else settler.settle(lane, parked.sequence, 'moved')
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
