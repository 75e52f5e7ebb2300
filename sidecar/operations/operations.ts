import { randomBytes } from 'node:crypto'
import type { Logger } from 'pino'
import { isFinished, type Operation } from '../../crds/protocol/operation.ts'
import { sourceStream } from '../browse/page.ts'
import type { JetStreamAccess } from '../jetstream/access.ts'
import type { Queue } from '../queue/queue.ts'
import { SidecarError } from '../sidecar-error.ts'
import { Forwarding, FORWARDING_PREFIX, forwardsTo, isForwarding } from './forwarding.ts'
import { beginning, found, type Progress, shown } from './progress.ts'
import type { WantedOperation } from './request.ts'
import { OperationRun } from './run.ts'
import { OperationStore } from './store.ts'
import { findCopies } from './transfer.ts'
import { OtherBroker } from './targets/other-broker.ts'
import { SameBroker } from './targets/same-broker.ts'
import type { CopyTarget } from './targets/target.ts'

/** Ended operations of a Queue that are remembered. */
const REMEMBERED = 20

export interface OperationsOptions {
  readonly js: JetStreamAccess
  readonly logger: Logger
  readonly queues: ReadonlyMap<string, Queue>
  /** So many copies were found, of a Queue's messages, whose originals had not come to their end. */
  readonly repaired: (queue: string, count: number) => void
}

/** The operations of a broker: one at a time in each Queue, taken up again after a restart. */
export class Operations {
  readonly #o: OperationsOptions
  readonly #store: OperationStore
  /** By Queue, oldest first. */
  readonly #ended = new Map<string, Progress[]>()
  readonly #runs = new Map<string, OperationRun>()
  /** Of Queues that are being asked for another one. */
  readonly #starting = new Set<string>()
  readonly #forwarding = new Forwarding()
  #toResume: Progress[] = []

  private constructor(options: OperationsOptions, store: OperationStore) {
    this.#o = options
    this.#store = store
  }

  /**
   * Reads what is stored. To be called before the Queues are started, which would let go of copies that were made and not
   * accounted for.
   */
  static async open(options: OperationsOptions): Promise<Operations> {
    const store = await OperationStore.open(options.js)
    const operations = new Operations(options, store)
    const all = await store.all((seq) => options.logger.warn({ seq }, 'the state of an operation could not be read'))
    for (const progress of all) {
      if (isFinished(progress)) operations.#remember(progress)
      else operations.#toResume.push(await operations.#account(progress))
    }
    return operations
  }

  async #account(progress: Progress): Promise<Progress> {
    const { intent, queue, from, created, kind, to = '', broker } = progress
    // Another broker keeps by itself what it was asked for.
    if (intent === undefined || broker !== undefined) return progress
    const target = kind === 'redrive' ? queue : to
    const origin = { queue, stream: sourceStream(queue, from), created }
    const accounted = found(progress, await findCopies(this.#o.js, origin, target, intent))
    await this.#store.put(accounted)
    return accounted
  }

  /** Goes on with what was under way. */
  resume(): void {
    for (const progress of this.#toResume.splice(0)) {
      const source = this.#o.queues.get(progress.queue)
      const target = this.#target(progress, source, progress.id)
      if (source === undefined || (target === undefined && progress.kind !== 'purge')) {
        const { id, queue } = progress
        this.#o.logger.warn({ id, queue }, 'an operation has no queue any more; it is forgotten')
        void this.#store.forget(queue, id).catch(() => undefined)
      } else this.#run(source, target, progress)
    }
  }

  /** Begins one. Throws SidecarError OperationRunning, QueueNotFound, QueueNotPaused. */
  async start(source: Queue, request: WantedOperation): Promise<Operation> {
    const queue = source.name
    const known = request.id === undefined ? undefined : this.#find(queue, request.id)
    if (known !== undefined) {
      this.#reach(queue, request)
      return shown(known)
    }
    await this.#endForwarding(queue)
    const running = this.#runs.get(queue)?.progress
    if (this.#isBusy(queue)) {
      const which =
        running === undefined || isFinished(running) ? 'another operation' : `operation ${running.id} (${running.kind})`
      throw new SidecarError(
        'OperationRunning',
        `${which} of queue ${queue} is under way; wait for its end, or cancel it`,
      )
    }
    const id = request.id ?? `${request.kind}-${newId()}`
    const target = this.#target(request, source, id)
    if (request.kind === 'move' && target === undefined) {
      throw new SidecarError(
        'InvalidParameter',
        `to is "${request.to}"; there is no queue of that name in this broker; if another one keeps it, say which: broker.url`,
        {
          field: 'to',
        },
      )
    }
    if (request.kind === 'move' && request.from === 'messages' && !request.dryRun && !source.spec.paused) {
      throw new SidecarError(
        'QueueNotPaused',
        `queue ${queue} delivers messages, so that one could be moved and consumed; set spec.paused: true first`,
        { field: 'spec.paused' },
      )
    }
    return shown(await this.#begin(source, target, { ...request, id }))
  }

  /** Has dead letters moved that are to be kept by another Queue, where nothing else is done to theirs. */
  async forward(): Promise<void> {
    for (const source of this.#o.queues.values()) {
      const to = this.#o.queues.get(forwardsTo(source) ?? '')
      if (to === undefined || source.deadLettered === 0 || this.#isBusy(source.name)) continue
      const { created, state } = await this.#o.js.manager.streams.info(sourceStream(source.name, 'dead-letters'))
      const { first_seq: first, last_seq: last, messages } = state
      const from = this.#forwarding.from(source.name, to.name, { created, first, last, messages }, performance.now())
      if (from === undefined) continue
      const id = `${FORWARDING_PREFIX}${newId()}`
      const request = { id, kind: 'move', from: 'dead-letters', to: to.name, select: {}, dryRun: false } as const
      await this.#begin(source, this.#target(request, source, id), request, from)
    }
  }

  #isBusy(queue: string): boolean {
    const running = this.#runs.get(queue)?.progress
    return this.#starting.has(queue) || (running !== undefined && !isFinished(running))
  }

  /** What nobody asked for gives way to what somebody asks for; it goes on after it. */
  async #endForwarding(queue: string): Promise<void> {
    const run = this.#runs.get(queue)
    if (run === undefined || isFinished(run.progress) || !isForwarding(run.progress)) return
    await run.cancel()
    this.#forwarding.forget(queue)
  }

  async #begin(
    source: Queue,
    target: CopyTarget | undefined,
    request: WantedOperation & { readonly id: string },
    at?: number,
  ): Promise<Progress> {
    const queue = source.name
    this.#starting.add(queue)
    try {
      const { from } = request
      const { created, state } = await this.#o.js.manager.streams.info(sourceStream(queue, from))
      const { messages } = await source.observe()
      const progress = beginning(request, {
        queue,
        id: request.id,
        created,
        first: at ?? state.first_seq,
        last: state.last_seq,
        total: from === 'messages' ? messages.ready + messages.inFlight : state.messages,
        now: new Date(),
      })
      await this.#store.ensure()
      await this.#store.put(progress)
      const level = isForwarding(progress) ? 'debug' : 'info'
      this.#o.logger[level](shown(progress), 'an operation began')
      this.#run(source, target, progress)
      this.#reach(queue, request)
      return progress
    } finally {
      this.#starting.delete(queue)
    }
  }

  /** Newest first. */
  list(queue: string): Operation[] {
    const running = this.#runs.get(queue)?.progress
    const all = [...(this.#ended.get(queue) ?? []), ...(running === undefined ? [] : [running])]
    return all
      .filter((progress) => !isForwarding(progress))
      .toReversed()
      .map(shown)
  }

  /** Throws SidecarError OperationNotFound. */
  get(queue: string, id: string): Operation {
    const progress = this.#find(queue, id)
    if (progress !== undefined) return shown(progress)
    throw new SidecarError(
      'OperationNotFound',
      `queue ${queue} has no operation ${id}; it remembers the last ${REMEMBERED}`,
    )
  }

  /** Ends one that is under way, after what it is in the middle of. Throws SidecarError OperationNotFound. */
  async cancel(queue: string, id: string): Promise<Operation> {
    const run = this.#runs.get(queue)
    if (run?.progress.id === id) await run.cancel()
    return this.get(queue, id)
  }

  /** Of a Queue that is deleted. */
  async forget(queue: string): Promise<void> {
    await this.#runs.get(queue)?.stop()
    this.#runs.delete(queue)
    this.#ended.delete(queue)
    this.#forwarding.forget(queue)
    await this.#store.forget(queue)
  }

  async stop(): Promise<void> {
    await Promise.all(Array.from(this.#runs.values(), (run) => run.stop()))
  }

  #target(
    { kind, to = '', broker }: Pick<Progress, 'kind' | 'to' | 'broker'>,
    source: Queue | undefined,
    id: string,
  ): CopyTarget | undefined {
    if (broker !== undefined) return new OtherBroker(to, id, broker.url)
    const queue = kind === 'redrive' ? source : kind === 'move' ? this.#o.queues.get(to) : undefined
    return queue === undefined ? undefined : new SameBroker(this.#o.js, queue, id)
  }

  /** Has what is under way know how to reach the other broker. */
  #reach(queue: string, { id, broker }: WantedOperation): void {
    const run = this.#runs.get(queue)
    if (run !== undefined && broker !== undefined && run.progress.id === id) run.reach(broker)
  }

  #run(source: Queue, target: CopyTarget | undefined, progress: Progress): void {
    const { js, logger } = this.#o
    const before = this.#runs.get(source.name)
    if (before !== undefined) this.#remember(before.progress)
    const run = new OperationRun(
      {
        js,
        store: this.#store,
        logger: logger.child({ queue: source.name }),
        source,
        target,
        repaired: (count) => this.#o.repaired(source.name, count),
      },
      progress,
    )
    this.#runs.set(source.name, run)
    run.start()
  }

  #find(queue: string, id: string): Progress | undefined {
    const running = this.#runs.get(queue)?.progress
    return running?.id === id ? running : this.#ended.get(queue)?.find((ended) => ended.id === id)
  }

  #remember(progress: Progress): void {
    const { queue } = progress
    if (isForwarding(progress)) {
      void this.#store.forget(queue, progress.id).catch(() => undefined)
      return
    }
    const all = [...(this.#ended.get(queue) ?? []), progress]
    for (const { id } of all.splice(0, Math.max(0, all.length - REMEMBERED))) {
      void this.#store.forget(queue, id).catch(() => undefined)
    }
    this.#ended.set(queue, all)
  }
}

const newId = (): string => `${Date.now().toString(36)}-${randomBytes(3).toString('hex')}`
