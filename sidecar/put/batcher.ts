import type { Logger } from 'pino'
import { batchAnswer, pubAck } from './answer.ts'
import { MAX_BATCH } from '../jetstream/atomic-batch.ts'
import { choose, isWorth } from './choose.ts'
import type { Frame } from './frames.ts'
import type { Outgoing } from './outgoing.ts'
import { type Put, writeAnswer, writeBatch, writeStaged, writeNoResponders, writeSingle, writeText } from './publish.ts'
import { Times } from './times.ts'

/**
 * One in so many of those that are passed on, at least and at most, is answered by way of the sidecar, so that it knows how far the stream is. At
 * most where it turns out that nothing else was on its way: there the way by the sidecar is a good part of what a publish takes.
 */
const SAMPLE_EVERY = { least: 4, most: 16 } as const
/** A batch is no larger, unless by its first message: nats-server holds it twice. Bytes. */
const MAX_BATCH_BYTES = 8 * 1024 * 1024
/** Past this nothing is expected any more: nats-server could not store it, and says nothing of it. Milliseconds. */
const GIVE_UP_MS = 15_000

/** What batchers share. */
export interface Wire {
  readonly out: Outgoing
  readonly logger: Logger
  /** A subject to be answered on, once. */
  ask(heard: (answer: Frame) => void): string
  /** So many bytes are not held any more. */
  released(bytes: number): void
  /** An id that no batch has had. */
  batchId(): string
}

interface Batch {
  readonly id: string
  readonly puts: readonly Put[]
  readonly bytes: number
  readonly sentAt: number
  /** Since when it takes the stream's time: gathering it is a part of what it takes. */
  readonly since: number
  /** Whether it was opened while another was on its way, so that how long it takes is not to be seen. */
  readonly isAhead: boolean
}

interface Sample {
  /** Of those that were passed on it is this one. */
  readonly number: number
  readonly sentAt: number
  /** So many were to be stored until it was. */
  readonly ahead: number
}

/** A batch that is not committed: of what waits in front, nats-server has so many. */
interface Opened {
  readonly id: string
  readonly staged: number
  /** Whether another was on its way when it was opened. */
  readonly isAhead: boolean
}

/**
 * Stores what is published to one Queue: one by one, or many at once (see `choose`).
 *
 * nats-server handles what one connection sends in order. So publishes go on in the order in which they came, and nothing is stored after a batch before
 * that is answered: were it refused, its messages would go after what followed it. What comes meanwhile gathers for the next one; where that is
 * to be a batch too, it goes on as it comes, and only what commits it waits, so that nats-server has something to do while the answers go out.
 *
 * What is passed on is answered by nats-server to the publisher itself. The publishers of a batch are answered here, when nats-server has said that it
 * is stored, and by the sequences that it said. Where it refuses a batch it has stored nothing of it, and its messages are passed on one
 * by one, so that each is answered by itself. Where nothing is said, nobody is answered, and nothing is sent again: that is for the
 * publishers, who know whether they may.
 */
export class Batcher {
  readonly #stream: string
  readonly #wire: Wire
  readonly #times = new Times()
  #waiting: Put[] = []
  #opened: Opened | undefined
  #batch: Batch | undefined
  #sample: Sample | undefined
  #sampleEvery: number = SAMPLE_EVERY.least
  /** How many were passed on, and how many of them are known to be done. */
  #passed = 0
  #done = 0
  #expected = 0
  /** When it was last heard that so many of them were done. */
  #heard = { at: Number.NEGATIVE_INFINITY, number: 0 }
  /** Since when it is waited for others. */
  #gatheringSince = 0
  /** When the last batch was. */
  #endedAt = Number.NEGATIVE_INFINITY
  /** When what was passed on is done, as far as can be told from when it was, and from what was heard since. */
  #clearAt = 0
  #timer: NodeJS.Timeout | undefined

  constructor(stream: string, wire: Wire) {
    this.#stream = stream
    this.#wire = wire
  }

  /** Whether nothing waits or is on its way in a batch. */
  get isIdle(): boolean {
    return this.#batch === undefined && this.#waiting.length === 0
  }

  add(put: Put): void {
    if (this.isIdle) this.#gatheringSince = performance.now()
    this.#waiting.push(put)
  }

  /** Stores what may be stored now. */
  advance(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    while (this.#batch === undefined && this.#waiting.length > 0) {
      const run = this.#run()
      // What has to go alone does.
      if (run.length === 0) this.#pass(1)
      else if (!this.#store(run)) break
    }
    if (this.#batch !== undefined) this.#prepare()
  }

  /** While a batch is on its way. */
  #prepare(): void {
    const staged = this.#opened?.staged ?? 0
    if (staged === MAX_BATCH || this.#waiting.length === staged) return
    const run = this.#run()
    if (isWorth(run.length, this.#times)) this.#stage(run, run.length)
  }

  /** Nothing of what is on its way will be heard of. */
  lost(): void {
    clearTimeout(this.#timer)
    for (const { payload } of this.#waiting) this.#wire.released(payload.length)
    this.#waiting = []
    this.#opened = undefined
    this.#sample = undefined
    this.#done = this.#passed
    this.#clearAt = 0
    const batch = this.#batch
    this.#batch = undefined
    if (batch !== undefined) this.#wire.released(batch.bytes)
  }

  /** Ends what is not answered. */
  sweep(): void {
    const now = performance.now()
    const batch = this.#batch
    if (batch !== undefined && now - batch.sentAt > GIVE_UP_MS) {
      this.#wire.logger.warn({ queue: this.#stream, messages: batch.puts.length }, 'nats-server did not answer a batch')
      this.#end(batch)
    }
    if (this.#sample !== undefined && now - this.#sample.sentAt > GIVE_UP_MS) this.#sample = undefined
    this.advance()
  }

  /** Returns whether it goes on: false where it has to be waited. */
  #store(run: readonly Put[]): boolean {
    // Of what was passed on after the last sample nothing will be heard; it is a few.
    const flying = this.#sample === undefined ? 0 : this.#flying()
    const choice = choose(
      { waiting: run.length, flying, expected: this.#expected, gatheredMs: performance.now() - this.#gatheringSince },
      this.#times,
    )
    if (choice === 'pass' && this.#opened === undefined) {
      this.#expected = run.length + flying
      this.#pass(run.length)
      return true
    }
    if (typeof choice === 'string') this.#send(run)
    else if (Number.isFinite(choice.waitMs)) {
      // Most of what a batch takes is the time that nats-server needs for its first message: it has it while others are waited for.
      if (this.#opened === undefined) this.#stage(run, 1)
      this.#timer = setTimeout(() => this.#waited(), choice.waitMs)
    }
    return false
  }

  #waited(): void {
    this.advance()
    this.#wire.out.flush()
  }

  /** What waits in front and could make one batch; none where what is in front has to go alone. */
  #run(): Put[] {
    const ids = new Set<string>()
    let bytes = 0
    let count = 0
    for (const { alone, id, payload } of this.#waiting) {
      bytes += payload.length
      if (alone || count === MAX_BATCH || (bytes > MAX_BATCH_BYTES && count > 0)) break
      // nats-server would refuse the batch for it.
      if (id !== '' && ids.has(id)) break
      if (id !== '') ids.add(id)
      count++
    }
    return this.#waiting.slice(0, count)
  }

  #pass(count: number): void {
    for (const put of this.#waiting.splice(0, count)) {
      this.#passOn(put, this.#sample === undefined && this.#passed + 1 - this.#done >= this.#sampleEvery)
      this.#wire.released(put.payload.length)
    }
  }

  #passOn(put: Put, isSample: boolean): void {
    const { out } = this.#wire
    this.#passed++
    this.#clearAt = Math.max(performance.now(), this.#clearAt) + this.#times.singleMs
    if (isSample) writeSingle(out, put, this.#askFor(put))
    else writeSingle(out, put, put.reply)
  }

  /** How many were passed on and are not done: 1 at least, since that is known of one of them. */
  #flying(): number {
    const left = Math.ceil((this.#clearAt - performance.now()) / this.#times.singleMs)
    return Math.max(1, Math.min(left, this.#passed - this.#done))
  }

  #askFor(put: Put): string {
    const sample = { number: this.#passed, sentAt: performance.now(), ahead: this.#flying() }
    this.#sample = sample
    return this.#wire.ask((answer) => {
      writeAnswer(this.#wire.out, put.reply, answer)
      const now = performance.now()
      this.#done = Math.max(this.#done, sample.number)
      if (this.#sample !== sample) return
      this.#sample = undefined
      const isLast = this.#passed === sample.number
      this.#sampleEvery = isLast ? Math.min(SAMPLE_EVERY.most, 2 * this.#sampleEvery) : SAMPLE_EVERY.least
      // Where nothing followed, those before it may have been done long before.
      if (!isLast) {
        const { at, number } = this.#heard
        this.#times.passed(
          { ms: now - sample.sentAt, count: sample.ahead },
          { ms: now - at, count: sample.number - number },
        )
      }
      this.#heard = { at: now, number: sample.number }
      this.#clearAt = now + (this.#passed - this.#done) * this.#times.singleMs
      this.advance()
    })
  }

  /** Sends so many of them, in a batch that more may follow in. */
  #stage(run: readonly Put[], count: number): void {
    const isAhead = this.#batch !== undefined
    const opened = this.#opened ?? { id: this.#wire.batchId(), staged: 0, isAhead }
    writeStaged(this.#wire.out, run, { id: opened.id, from: opened.staged, to: count })
    this.#opened = { ...opened, staged: count }
  }

  #send(run: readonly Put[]): void {
    this.#waiting.splice(0, run.length)
    const bytes = run.reduce((sum, { payload }) => sum + payload.length, 0)
    const sentAt = performance.now()
    // Those that were answered together come again together: until they do, the stream has nothing to do, which is a part of what a batch costs.
    const isAgain = this.#gatheringSince - this.#endedAt < this.#times.batchMs
    const since = Math.max(isAgain ? this.#endedAt : this.#gatheringSince, this.#clearAt)
    const batch: Batch = {
      id: this.#opened?.id ?? this.#wire.batchId(),
      puts: run,
      bytes,
      sentAt,
      since,
      isAhead: this.#opened?.isAhead ?? false,
    }
    this.#batch = batch
    const reply = this.#wire.ask((answer) => {
      if (this.#batch !== batch) return
      if (!batch.isAhead) this.#times.batched(performance.now() - batch.since, run.length)
      this.#answered(batch, answer)
    })
    writeBatch(this.#wire.out, run, { id: batch.id, reply, staged: this.#opened?.staged ?? 0 })
    this.#opened = undefined
  }

  #answered(batch: Batch, frame: Frame): void {
    const { out, logger } = this.#wire
    const { puts, id } = batch
    const answer = batchAnswer(frame, id, puts.length)
    this.#end(batch)
    // All that was passed on before it is done.
    this.#done = this.#passed
    this.#heard = { at: performance.now(), number: this.#done }
    this.#clearAt = 0
    switch (answer.kind) {
      case 'stored':
        for (const [index, { reply }] of puts.entries())
          writeText(out, reply, pubAck(answer.stream, answer.first + index))
        break
      case 'refused':
        for (const [index, put] of puts.entries()) this.#passOn(put, index === puts.length - 1)
        break
      case 'noStream':
        for (const { reply } of puts) writeNoResponders(out, reply)
        break
      case 'unknown':
        logger.warn(
          { queue: this.#stream, messages: puts.length },
          'what nats-server said to a batch is not understood',
        )
        break
      default:
        return answer satisfies never
    }
    this.advance()
  }

  #end(batch: Batch): void {
    this.#batch = undefined
    this.#wire.released(batch.bytes)
    this.#expected = batch.puts.length + this.#waiting.length
    this.#endedAt = performance.now()
    this.#gatheringSince = this.#endedAt
  }
}
