import { setTimeout as delay } from 'node:timers/promises'
import { JetStreamApiError } from '@nats-io/jetstream'
import type { Logger } from 'pino'
import { COPY_BATCH_BYTES, type OtherBroker as Access } from '../../crds/protocol/copies.ts'
import { isFinished } from '../../crds/protocol/operation.ts'
import { originalSubject, sourceStream } from '../browse/page.ts'
import type { JetStreamAccess } from '../jetstream/access.ts'
import { firstSince, type StoredMessage } from '../jetstream/stored-message.ts'
import { walk } from '../jetstream/walk.ts'
import type { Queue } from '../queue/queue.ts'
import { forwardsTo } from './forwarding.ts'
import { advanced, ended, finished, found, type Progress, waitingFor, wanted } from './progress.ts'
import { isSelected, selectsAll } from './selection.ts'
import type { OperationStore } from './store.ts'
import { OtherBroker } from './targets/other-broker.ts'
import { type Batch, type CopyTarget, Later, type Original, OutOfReach } from './targets/target.ts'
import type { Origin } from './transfer.ts'

/** Messages of one batch at most. */
const BATCH = 256
/** Messages that are looked at before how far it is is noted, selected or not. */
const LOOK_AT_MOST = 5000
/** With a rate, batches go out so often. Milliseconds. */
const PACE_MS = 100
/** Before what could not be done is tried again. Milliseconds. */
const AGAIN_MS = 1000
/** Deletions on their way at once. */
const DELETIONS = 64
/** nats-server's error codes for a message that is not there. */
const GONE = [10037, 10057]

export interface RunOptions {
  readonly js: JetStreamAccess
  readonly store: OperationStore
  readonly logger: Logger
  readonly source: Queue
  /** So many copies were found whose originals had not come to their end. */
  readonly repaired: (count: number) => void
  /** Where copies go; undefined: nowhere. */
  readonly target: CopyTarget | undefined
}

interface Candidates {
  readonly messages: readonly Original[]
  readonly looked: number
  readonly position: number
}

/** Carries out one operation, from where it is. */
export class OperationRun {
  readonly #o: RunOptions
  #progress: Progress
  #cancelled = false
  readonly #stopping = new AbortController()
  #wake = new AbortController()
  #running: Promise<void> = Promise.resolve()
  /** When the next batch may go out. Monotonic milliseconds. */
  #next = 0
  /** Why the first message was left that was. */
  #leftWhy = ''

  constructor(options: RunOptions, progress: Progress) {
    this.#o = options
    this.#progress = progress
  }

  get progress(): Progress {
    return this.#progress
  }

  reach(broker: Access): void {
    if (this.#o.target instanceof OtherBroker) this.#o.target.reach(broker)
    this.#wake.abort()
  }

  start(): void {
    this.#running = this.#run()
  }

  /** It ends after what it is in the middle of. */
  async cancel(): Promise<void> {
    this.#cancelled = true
    this.#wake.abort()
    await this.#running
  }

  /** It goes on at the next start. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#wake.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    while (!this.#stopping.signal.aborted && !isFinished(this.#progress)) {
      try {
        const end = await this.#goOn().catch((error: unknown) => {
          if (this.#cancelled && error instanceof OutOfReach) return this.#giveUp(error.message)
          throw error
        })
        if (end !== undefined) await this.#finish(end)
      } catch (error) {
        if (this.#stopping.signal.aborted) return
        const message = error instanceof Error ? error.message : String(error)
        if (!(error instanceof Later)) this.#o.logger.warn({ err: error }, 'an operation could not go on; trying again')
        this.#progress = waitingFor(
          this.#progress,
          error instanceof Later ? message : `nats-server did not answer (${message}); tries again`,
        )
        await this.#untilAgain()
      }
    }
  }

  /** Until the end, and which it is; undefined: told to stop. */
  async #goOn(): Promise<Progress | undefined> {
    const { js, source, store } = this.#o
    const { from, created, queue } = this.#progress
    const stream = await js.manager.streams.info(sourceStream(queue, from))
    if (stream.created !== created) {
      const why = `stream ${stream.config.name} is not the one any more that it began with`
      return finished(this.#progress, 'Failed', why, new Date())
    }
    const last = await this.#through(stream.config.name)
    await this.#takeUp(last)
    if (this.#cancelled) return this.#end('Cancelled')
    // A crash may have come between the last of them and the word that it was.
    if (wanted(this.#progress) === 0) return this.#end('Succeeded')
    if (await this.#allAtOnce(stream.state.messages, last)) return this.#end('Succeeded')
    let messages: Array<{ message: StoredMessage; subject: string }> = []
    let looked = 0
    let bytes = 0
    const { position: first } = this.#progress
    for await (const message of walk(js, stream, { from: first, to: last })) {
      if (from === 'messages' && source.hasEnded(message.subject, message.seq)) continue
      looked++
      const subject = originalSubject(source, message)
      if (isSelected(this.#progress.select, message, subject, Date.now())) {
        messages.push({ message, subject })
        bytes += message.data.length + message.headerBytes
      }
      const isFull = messages.length >= this.#batchSize() || bytes >= COPY_BATCH_BYTES || looked >= LOOK_AT_MOST
      if (!isFull) continue
      await this.#batch({ messages, looked, position: message.seq + 1 })
      if (this.#stopping.signal.aborted) return undefined
      if (this.#cancelled) return this.#end('Cancelled')
      if (wanted(this.#progress) === 0) return this.#end('Succeeded')
      if (messages.length === 0) await store.put(this.#progress)
      messages = []
      looked = 0
      bytes = 0
    }
    await this.#batch({ messages, looked, position: last + 1 })
    return this.#end('Succeeded')
  }

  /**
   * The last message that it is about. What was stored after it began is not: after a loss of power that may have numbers that others
   * had then.
   */
  async #through(stream: string): Promise<number> {
    const { startedAt, last } = this.#progress
    const later = await firstSince(this.#o.js, stream, new Date(Date.parse(startedAt) + 1))
    return later === undefined ? last : Math.min(last, later.seq - 1)
  }

  /** What needs no look at each dead letter; true when it is done. */
  async #allAtOnce(there: number, last: number): Promise<boolean> {
    const { kind, from, select, ratePerSecond, dryRun } = this.#progress
    if (from !== 'dead-letters' || !selectsAll(select)) return false
    let done = there
    if (!dryRun) {
      if (kind !== 'purge' || ratePerSecond !== undefined) return false
      done = (await this.#o.js.manager.streams.purge(this.#origin.stream, { seq: last + 1 })).purged
    }
    this.#progress = advanced(this.#progress, { looked: done, done, skipped: 0, position: last + 1 })
    return true
  }

  #batchSize(): number {
    const { ratePerSecond } = this.#progress
    const paced = ratePerSecond === undefined ? BATCH : Math.max(1, Math.floor((ratePerSecond * PACE_MS) / 1000))
    return Math.min(BATCH, paced, wanted(this.#progress))
  }

  /** Finds out what of an unfinished batch was done, and does the rest of that. */
  async #takeUp(last: number): Promise<void> {
    const { target } = this.#o
    const { intent } = this.#progress
    if (intent !== undefined && target !== undefined) {
      this.#progress = found(this.#progress, await target.find(this.#origin, this.#copies(intent)))
      await this.#save()
    }
    const { copied } = this.#progress
    if (copied !== undefined) {
      this.#o.logger.info({ id: this.#progress.id, count: copied.length }, 'found copies whose originals were left')
      this.#o.repaired(copied.length)
      await this.#endOriginals(copied.filter((sequence) => sequence <= last))
      this.#progress = ended(this.#progress)
      await this.#save()
    }
    target?.release()
  }

  async #batch({ messages, looked, position }: Candidates): Promise<void> {
    const count = messages.length
    const { dryRun, kind, from } = this.#progress
    const done = (number: number, skipped = 0): void => {
      this.#progress = advanced(this.#progress, { looked, done: number, skipped, position })
    }
    if (dryRun || count === 0) return done(count)
    await this.#pace(count)
    if (kind !== 'purge') return this.#transfer({ messages, looked, position })
    const sequences = messages.map(({ message }) => message.seq)
    if (from === 'messages') {
      const taken = await this.#o.source.operate(({ end }) =>
        end(
          messages.map(({ message }) => message),
          'purged',
        ),
      )
      if (taken < count) this.#leave('they were in flight')
      done(taken, count - taken)
    } else {
      if (this.#progress.left || count < looked) await this.#delete(sequences)
      else await this.#purgeThrough(sequences.at(-1) ?? 0)
      done(count)
    }
    await this.#save()
  }

  /** Copies messages, then ends the originals; see progress.ts for what is noted in between. */
  async #transfer(candidates: Candidates): Promise<void> {
    if (this.#progress.from === 'dead-letters')
      return this.#transferOnly(candidates, (sequences) => this.#endLetters(sequences, candidates.looked))
    await this.#o.source.operate(async ({ isPaused, isWaiting, end }) => {
      if (!isPaused)
        throw new Later(`queue ${this.#progress.queue} is not paused; set spec.paused: true, and it goes on`)
      const messages = candidates.messages.filter(({ message }) => isWaiting(message))
      if (messages.length < candidates.messages.length) this.#leave('they were in flight')
      const byNumber = new Map(messages.map(({ message }) => [message.seq, message]))
      await this.#transferOnly(
        { ...candidates, messages },
        async (sequences) => {
          await end(
            sequences.flatMap((sequence) => byNumber.get(sequence) ?? []),
            'transferred',
          )
        },
        candidates.messages.length,
      )
    })
  }

  async #transferOnly(
    { messages, looked, position }: Candidates,
    endOriginals: (sequences: number[]) => Promise<void>,
    selected = messages.length,
  ): Promise<void> {
    const { target } = this.#o
    if (target === undefined) throw new Error('a transfer has a target')
    const intent = { sequences: messages.map(({ message }) => message.seq), after: await target.hold() }
    this.#progress = { ...this.#progress, intent, batch: this.#progress.batch + 1 }
    await this.#save()
    const results = messages.length === 0 ? [] : await target.copy(this.#origin, this.#copies(intent), messages)
    const later = results.find((result) => result.kind === 'later')
    if (later !== undefined) throw new Later(later.why)
    for (const result of results) if (result.kind === 'left') this.#leave(result.why)
    const copied = intent.sequences.filter((_, index) => results[index]?.kind === 'copied')
    await endOriginals(copied)
    target.release()
    this.#progress = advanced(this.#progress, {
      looked,
      done: copied.length,
      skipped: selected - copied.length,
      position,
    })
  }

  #copies({ sequences, after }: Omit<Batch, 'number'>): Batch {
    return { number: this.#progress.batch, sequences, after }
  }

  get #origin(): Origin {
    const { queue, from, created } = this.#progress
    const { source, target } = this.#o
    const staysDead = from === 'dead-letters' && target !== undefined && forwardsTo(source) === target.name
    return { queue, stream: sourceStream(queue, from), created, staysDead }
  }

  async #endOriginals(sequences: number[]): Promise<void> {
    if (this.#progress.from === 'dead-letters') return this.#delete(sequences)
    await this.#o.source.operate(({ endOf }) => endOf(sequences, 'transferred'))
  }

  async #endLetters(sequences: number[], looked: number): Promise<void> {
    // Where none is left before or between them, one deletion does for all.
    if (this.#progress.left || sequences.length < looked) return this.#delete(sequences)
    await this.#purgeThrough(sequences.at(-1) ?? 0)
  }

  async #purgeThrough(sequence: number): Promise<void> {
    await this.#o.js.manager.streams.purge(this.#origin.stream, { seq: sequence + 1 })
  }

  async #delete(sequences: readonly number[]): Promise<void> {
    const { streams } = this.#o.js.manager
    for (let next = 0; next < sequences.length; next += DELETIONS) {
      await Promise.all(
        sequences.slice(next, next + DELETIONS).map(async (sequence) => {
          await streams.deleteMessage(this.#origin.stream, sequence, false).catch((error: unknown) => {
            // It expired meanwhile, or was deleted before a crash.
            if (!(error instanceof JetStreamApiError && GONE.includes(error.code))) throw error
          })
        }),
      )
    }
  }

  #leave(why: string): void {
    this.#leftWhy ||= why
  }

  #end(state: 'Succeeded' | 'Cancelled'): Progress {
    const { skipped } = this.#progress
    const left = skipped === 1 ? '1 message was left' : `${skipped} messages were left`
    const message = skipped === 0 ? '' : `${left}: ${this.#leftWhy || 'see the log of the sidecar'}`
    return finished(this.#progress, state, message, new Date())
  }

  #giveUp(why: string): Progress {
    const inDoubt = this.#progress.intent?.sequences.length ?? 0
    const message = inDoubt === 0 ? '' : `${inDoubt} of its messages may be in both queues: ${why}`
    return finished(this.#progress, 'Cancelled', message, new Date())
  }

  async #finish(end: Progress): Promise<void> {
    await this.#o.store.put(end)
    this.#progress = end
    await this.#o.target?.end()
    const { id, kind, state, done, skipped, message } = end
    this.#o.logger.info({ id, kind, state, done, skipped, message }, 'an operation ended')
  }

  #save(): Promise<void> {
    return this.#o.store.put(this.#progress)
  }

  async #pace(count: number): Promise<void> {
    const { ratePerSecond } = this.#progress
    if (ratePerSecond === undefined) return
    const now = performance.now()
    const at = Math.max(now, this.#next)
    this.#next = at + (count * 1000) / ratePerSecond
    await this.#sleep(at - now)
  }

  /** A cancellation that comes meanwhile is tried at once, and from then on as often as anything. */
  async #untilAgain(): Promise<void> {
    this.#wake = new AbortController()
    const signal = AbortSignal.any([this.#wake.signal, this.#stopping.signal])
    await delay(AGAIN_MS, undefined, { signal }).catch(() => undefined)
  }

  async #sleep(ms: number): Promise<void> {
    if (this.#cancelled || this.#stopping.signal.aborted) return
    this.#wake = new AbortController()
    await delay(ms, undefined, { signal: this.#wake.signal }).catch(() => undefined)
  }
}
