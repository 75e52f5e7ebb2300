import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node'
import type { Logger } from 'pino'
import {
  deadLettersElsewhere,
  nameProblems,
  type Problem,
  parseQueueSpec,
  type QueueSpec,
  queueUpdateProblems,
} from '../../crds/index.ts'
import type { DeletePolicy, QueueObservation } from '../../crds/protocol/api.ts'
import type { Copied, CopyBatch } from '../../crds/protocol/copies.ts'
import type { BrowsePage, Source } from '../../crds/protocol/browse.ts'
import type { Operation } from '../../crds/protocol/operation.ts'
import type { QueueLedger } from '../../crds/protocol/ledger.ts'
import {
  ACK_SUBJECT,
  DELAY_SUBJECTS,
  INFO_SUBJECT,
  NEXT_SUBJECT,
  SIDECAR_QUEUE_GROUP,
  STORED_SUBJECT,
  storedAs,
  TRANSACTION_REQUESTS,
} from '../../crds/protocol/subjects.ts'
import type { CarriedOut, Decision, Vote } from '../../crds/protocol/participations.ts'
import type { Transaction } from '../../crds/protocol/transaction.ts'
import { browse } from '../browse/page.ts'
import type { BrowseParameters } from '../browse/parameters.ts'
import { type JetStreamAccess, jetStreamAccess } from '../jetstream/access.ts'
import { failLostRequests, type LostRequests } from '../jetstream/lost-requests.ts'
import type { Metrics } from '../metrics/metrics.ts'
import { QueueMetrics } from '../metrics/queue-metrics.ts'
import { IncomingCopies } from '../operations/incoming/copies.ts'
import { refuseForwardingLoop } from '../operations/forwarding-loop.ts'
import { Operations } from '../operations/operations.ts'
import { parseOperation } from '../operations/request.ts'
import { Peers } from '../peers/peers.ts'
import { answerNoResponders, answerNotFound } from '../queue/pull.ts'
import { Puts } from '../put/puts.ts'
import { Queue } from '../queue/queue.ts'
import { removeUnused } from '../queue/remove.ts'
import { SidecarError } from '../sidecar-error.ts'
import { answer, ask, type Verb } from '../transactions/requests.ts'
import { Transactions } from '../transactions/transactions.ts'
import type { AckMessage } from '../wire/ack-frames.ts'
import { type AckSubject, parseAckSubject } from '../wire/ack-subject.ts'
import { mayBeAnswered } from '../wire/inbox.ts'
import { CONNECT_TIMEOUT_MS, RETRY_MS } from '../wire/reaching.ts'
import { connectWithAcks } from './ack-transport.ts'
import { apiFailure } from './api-failure.ts'
import { readGivenUp } from './given-up.ts'
import { SpecStore, type StoredQueue } from './spec-store.ts'

const SWEEP_MS = 1000
/** Within which whoever ends nats-server ends the sidecar too. Milliseconds. */
const TELL_LOSS_MS = 500

/** `PILLION.DELAY.<queue>` */
const DELAY_TOKENS = 3
/** nats-server's error for a stream that does not exist. */
const NO_QUEUE = { code: 404, err_code: 10059, description: 'there is no queue of this name in this broker' }

/** The number of a message that nats-server tells of as stored. */
const REPUBLISHED_SEQUENCE = 'Nats-Sequence'
/** `PILLION.STORED.<queue>` */
const STORED_TOKENS = 3

const NO_SPEC: Problem = { field: 'spec', message: 'is not a Queue spec' }

export interface BrokerOptions {
  readonly url: string
  readonly user: string
  readonly password: string
  /** Whether an operator tells it of the other brokers of its namespace. */
  readonly hasOperator: boolean
}

/** The sidecar's end of one broker: its connection, its Queues, and the requests of clients. */
export class Broker {
  readonly peers: Peers
  readonly #options: BrokerOptions
  readonly #logger: Logger
  readonly #metrics: Metrics
  readonly #queues = new Map<string, Queue>()
  readonly #calls = new Map<string, Promise<void>>()
  readonly #stopping = new AbortController()
  readonly #puts: Puts
  #js: JetStreamAccess | undefined
  #store: SpecStore | undefined
  #operations: Operations | undefined
  #copies: IncomingCopies | undefined
  #transactions: Transactions | undefined
  #subscriptions: Subscription[] = []
  #sweeper: NodeJS.Timeout | undefined
  #ready = false
  #reachable = false
  #sweeping = false
  /** How often nats-server was lost. */
  #losses = 0
  #takingUp: Promise<void> = Promise.resolve()

  constructor(options: BrokerOptions, logger: Logger, metrics: Metrics) {
    this.#options = options
    this.peers = new Peers(options.hasOperator)
    this.#logger = logger
    this.#metrics = metrics
    this.#puts = new Puts(options, this.#queues, logger)
  }

  /** Connected, and every stored Queue configured. */
  get ready(): boolean {
    return this.#ready
  }

  /** Connects (waiting for nats-server as long as it takes), takes up the stored Queues, and answers clients from then on. */
  async start(): Promise<void> {
    const connection = await this.#connect()
    if (connection === undefined) return
    this.#reachable = true
    void this.#followStatus(connection, failLostRequests(connection))
    this.#js = await jetStreamAccess(connection)
    await this.#untilDone('take up the stored queues', () => this.#load())
    if (this.#stopping.signal.aborted) return
    this.#subscribe(connection)
    await connection.flush()
    this.#puts.start()
    await this.#untilDone('take publishes', () => this.#takesPublishes())
    if (this.#stopping.signal.aborted) return
    this.#ready = true
    this.#sweeper = setInterval(() => void this.#sweep(), SWEEP_MS)
  }

  /** Takes no more pulls, puts on record what was settled, and leaves. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#ready = false
    clearInterval(this.#sweeper)
    await this.#puts.stop()
    const connection = this.#js?.connection
    if (connection === undefined || connection.isClosed()) return
    // A pod's nats-server ends before its sidecar: then there is nobody to record with.
    if (!this.#reachable) return connection.close()
    try {
      // Drained, not dropped: acknowledgements that have reached us are still put on record.
      await Promise.all(this.#subscriptions.map((subscription) => subscription.drain()))
      await this.#operations?.stop()
      await this.#transactions?.stop()
      await Promise.all([...this.#queues.values()].map((queue) => queue.stop()))
      await connection.drain()
    } catch (error) {
      // It may end while that goes on.
      this.#logger.debug({ err: error }, 'nats-server was gone before everything was put on record')
      await connection.close()
    }
  }

  async put(name: string, generation: number, input: unknown): Promise<QueueObservation> {
    const [problem] = nameProblems(name)
    if (problem !== undefined) throw new SidecarError('InvalidName', problem.message, { field: problem.field })
    const parsed = parseQueueSpec(input)
    if (!parsed.ok) {
      // What is wrong is told before what is not there yet.
      const wrong = parsed.problems.find(({ notImplemented }) => !notImplemented)
      const { field, message } = wrong ?? parsed.problems[0] ?? NO_SPEC
      throw new SidecarError(wrong === undefined ? 'NotImplemented' : 'InvalidSpec', message, { field })
    }
    if (!deadLettersElsewhere.holds({ metadata: { name }, spec: parsed.value }))
      throw new SidecarError('InvalidSpec', deadLettersElsewhere.message, { field: deadLettersElsewhere.field })
    return this.#withDoubts(await this.#oneByOne(name, () => this.#declare({ name, generation, spec: parsed.value })))
  }

  async get(name: string): Promise<QueueObservation> {
    this.#connected()
    return this.#withDoubts(await this.#queue(name).observe().catch(refused))
  }

  /** What a Queue observes of itself, and which transactions about it somebody has to decide. */
  #withDoubts(observation: QueueObservation): QueueObservation {
    return { ...observation, transactionsInDoubt: this.#transactions?.inDoubtCountOf(observation.name) ?? 0 }
  }

  async list(): Promise<QueueObservation[]> {
    this.#connected()
    return Promise.all([...this.#queues.keys()].toSorted().map((name) => this.get(name)))
  }

  /** A Queue's declaration as it was put last. */
  declaration(name: string): { generation: number; spec: QueueSpec } {
    this.#connected()
    const { generation, spec } = this.#queue(name)
    return { generation, spec }
  }

  async browse(name: string, source: Source, parameters: BrowseParameters): Promise<BrowsePage> {
    const { js } = this.#connected()
    const queue = this.#queue(name)
    return browse(js, queue, source, parameters).catch(refused)
  }

  /** Takes back a publish that waits for its time. Throws SidecarError DelayedNotFound. */
  async cancelDelayed(name: string, sequence: number): Promise<void> {
    this.#connected()
    const answer = await this.#queue(name).delayed.cancel(sequence).catch(refused)
    if ('error' in answer) throw new SidecarError('DelayedNotFound', answer.error.description)
  }

  /** What became of every message of a Queue. */
  async ledger(name: string): Promise<QueueLedger> {
    this.#connected()
    return this.#queue(name).ledger().catch(refused)
  }

  /** Begins an operation on a Queue; `input` is its request. */
  async operate(name: string, input: unknown): Promise<Operation> {
    const { operations } = this.#connected()
    const queue = this.#queue(name)
    return operations.start(queue, parseOperation(name, input)).catch(refused)
  }

  /** The operations of a Queue, newest first. */
  operations(name: string): Operation[] {
    return this.#connected().operations.list(this.#queue(name).name)
  }

  operation(name: string, id: string): Operation {
    return this.#connected().operations.get(this.#queue(name).name, id)
  }

  cancelOperation(name: string, id: string): Promise<Operation> {
    return this.#connected().operations.cancel(this.#queue(name).name, id)
  }

  /** Makes copies for another broker's operation. */
  copy(name: string, operation: string, batch: number, copies: CopyBatch): Promise<Copied[]> {
    const { incoming } = this.#connected()
    return incoming.copy(this.#queue(name), operation, batch, copies).catch(refused)
  }

  /** The sequences of a batch that were copied; what was not is not copied any more. */
  findCopies(name: string, operation: string, batch: number): Promise<number[]> {
    const { incoming } = this.#connected()
    return incoming.find(this.#queue(name), operation, batch).catch(refused)
  }

  forgetCopies(name: string, operation: string): Promise<void> {
    return this.#connected().incoming.forget(name, operation).catch(refused)
  }

  /** Those that are not at their end. */
  transactions(): Transaction[] {
    return this.#connected().transactions.list()
  }

  /** Also one that has ended. Throws SidecarError TransactionNotFound. */
  async transaction(id: string, coordinator?: string): Promise<Transaction> {
    return this.#connected().transactions.get(id, coordinator).catch(refused)
  }

  async askTransaction(verb: Verb, input: unknown): Promise<Transaction> {
    return ask(this.#connected().transactions, verb, input).catch(refused)
  }

  async resolveTransaction(input: unknown): Promise<Transaction> {
    return this.#connected().transactions.resolve(input).catch(refused)
  }

  /** What the sidecar of another broker asks about a transaction over both. */
  async participate(
    asked: 'prepare' | 'commit' | 'abort' | 'ask',
    path: unknown,
    input: unknown,
  ): Promise<Vote | CarriedOut | Decision> {
    return this.#connected().transactions.participations[asked](path, input).catch(refused)
  }

  async delete(name: string, policy: DeletePolicy): Promise<void> {
    await this.#oneByOne(name, async () => {
      const { store, operations, incoming } = this.#connected()
      await this.#queue(name).remove(policy)
      await operations.forget(name)
      await incoming.forgetQueue(name)
      this.#queues.delete(name)
      await store.delete(name)
    })
  }

  async #declare(declared: StoredQueue): Promise<QueueObservation> {
    const { js, store } = this.#connected()
    const { name, spec, generation } = declared
    refuseForwardingLoop(name, spec, this.#queues)
    let queue = this.#queues.get(name)
    if (queue === undefined) {
      queue = new Queue(js, name, spec, generation, this.#logger, new QueueMetrics(this.#metrics, name))
      try {
        await queue.start()
      } catch (error) {
        await removeUnused(js, name).catch((failure: unknown) => {
          this.#logger.warn({ err: failure, queue: name }, 'could not remove a queue that could not be made')
        })
        throw error
      }
      this.#queues.set(name, queue)
    } else {
      const [change] = queueUpdateProblems(queue.spec, spec)
      if (change !== undefined) throw new SidecarError('ImmutableFieldChanged', change.message, { field: change.field })
    }
    const observation = await queue.apply(spec, generation)
    const corrected = await store.put(declared)
    return { ...observation, corrected: [...observation.corrected, ...corrected] }
  }

  /** Calls about one Queue wait for each other: a PUT and a DELETE at once would each undo half of the other. */
  async #oneByOne<T>(name: string, work: () => Promise<T>): Promise<T> {
    const before = this.#calls.get(name) ?? Promise.resolve()
    const result = before.then(work)
    const settled = result.then(
      () => undefined,
      () => undefined,
    )
    this.#calls.set(name, settled)
    try {
      return await result
    } catch (error) {
      throw apiFailure(error)
    } finally {
      if (this.#calls.get(name) === settled) this.#calls.delete(name)
    }
  }

  /** Reads what is only known to nats-server, for the metrics. */
  async refreshMetrics(): Promise<void> {
    const connected = this.#js !== undefined && !this.#js.connection.isClosed() && this.#ready
    this.#metrics.connected.set(connected ? 1 : 0)
    this.#metrics.queues.set(this.#queues.size)
    this.#metrics.openTransactions.set(this.#transactions?.openCount ?? 0)
    this.#metrics.transactionsInDoubt.set(this.#transactions?.inDoubtCount ?? 0)
    if (!connected || this.#js === undefined) return
    const account = await this.#js.manager.getAccountInfo()
    this.#metrics.storeBytes.set(account.storage)
    if (account.limits.max_storage > 0) this.#metrics.storeLimitBytes.set(account.limits.max_storage)
  }

  #queue(name: string): Queue {
    const queue = this.#queues.get(name)
    if (queue === undefined) throw new SidecarError('QueueNotFound', `there is no queue ${name} in this broker`)
    return queue
  }

  #connected(): {
    js: JetStreamAccess
    store: SpecStore
    operations: Operations
    incoming: IncomingCopies
    transactions: Transactions
  } {
    const js = this.#js
    const store = this.#store
    const operations = this.#operations
    const incoming = this.#copies
    const transactions = this.#transactions
    const stores =
      store !== undefined && operations !== undefined && incoming !== undefined && transactions !== undefined
    if (js === undefined || !stores || !this.#ready) {
      throw new SidecarError('BrokerNotReady', 'nats-server is not reached yet; try again in a moment')
    }
    return { js, store, operations, incoming, transactions }
  }

  #connect(): Promise<NatsConnection | undefined> {
    const { url, user, password } = this.#options
    return this.#untilDone('connect to nats-server', () =>
      connectWithAcks(
        {
          servers: url,
          user,
          pass: password,
          name: 'pillion-sidecar',
          maxReconnectAttempts: -1,
          reconnectTimeWait: RETRY_MS,
          reconnectJitter: 0,
          // The client library waits for 20 s by itself.
          timeout: CONNECT_TIMEOUT_MS,
          ignoreAuthErrorAbort: true,
          // A stack trace for each request is a third of what a request costs here.
          noAsyncTraces: true,
        },
        (ack, message) => this.#handleAck(ack, message),
      ),
    )
  }

  async #load(): Promise<void> {
    const js = this.#js
    if (js === undefined) return
    this.#store = await SpecStore.open(js)
    this.#operations ??= await Operations.open({
      js,
      logger: this.#logger,
      queues: this.#queues,
      repaired: (queue, count) => this.#metrics.repairs.inc({ queue, kind: 'copied' }, count),
    })
    this.#copies ??= await IncomingCopies.open(js, (seq) =>
      this.#logger.warn({ seq }, 'what was copied for another broker could not be read'),
    )
    this.#transactions ??= await Transactions.open({
      js,
      logger: this.#logger,
      queues: this.#queues,
      peers: this.peers,
      ended: (outcome) => this.#metrics.endedTransactions.inc({ outcome }),
      checkedBack: (answer) => this.#metrics.checkBacks.inc({ answer }),
    })
    for (const { name, spec, generation } of await this.#store.all()) {
      if (this.#queues.has(name)) continue
      const queue = new Queue(js, name, spec, generation, this.#logger, new QueueMetrics(this.#metrics, name))
      this.#transactions.restoreHolds(queue)
      await queue.start()
      this.#queues.set(name, queue)
    }
    this.#operations.resume()
    this.#transactions.resume()
  }

  /** Repeats what nats-server cannot do yet; it may still be starting. Undefined when told to stop. */
  async #untilDone<T>(what: string, work: () => Promise<T>): Promise<T | undefined> {
    for (let attempt = 1; !this.#stopping.signal.aborted; attempt++) {
      try {
        return await work()
      } catch (error) {
        const level = attempt === 8 ? 'warn' : 'debug'
        this.#logger[level]({ err: error, attempt }, `could not ${what} yet`)
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
      }
    }
    return undefined
  }

  #subscribe(connection: NatsConnection): void {
    const options = { queue: SIDECAR_QUEUE_GROUP }
    const failed = (error: Error): void => this.#logger.error({ err: error }, 'a subscription failed')
    // The client library ends its connection at an exception that leaves a callback.
    const guarded =
      (handle: (message: Msg) => void) =>
      (error: Error | null, message: Msg): void => {
        if (error !== null) return failed(error)
        try {
          handle(message)
        } catch (failure) {
          this.#logger.error({ err: failure, subject: message.subject }, 'could not handle a message')
        }
      }
    // A label may only take names that somebody declared.
    const invalid = (queue: string, kind: string): void =>
      this.#metrics.invalid.inc({ queue: this.#queues.has(queue) ? queue : '', kind })
    this.#subscriptions = [
      connection.subscribe(NEXT_SUBJECT, {
        ...options,
        callback: guarded((message) => {
          const [, , name = '', group = ''] = message.subject.split('.')
          if (!mayBeAnswered(message)) return invalid(name, 'pull')
          const queue = this.#queues.get(name)
          if (queue === undefined) answerNoResponders(message)
          else queue.handlePull(group, message)
        }),
      }),
      connection.subscribe(INFO_SUBJECT, {
        ...options,
        callback: guarded((message) => {
          const [, , name = '', group = ''] = message.subject.split('.')
          if (!mayBeAnswered(message)) return invalid(name, 'info')
          const queue = this.#queues.get(name)
          if (queue === undefined) return answerNotFound(message, 'stream')
          queue.handleInfo(group, message).catch((failure: unknown) => {
            this.#logger.warn({ err: failure, queue: name }, 'could not answer consumer info')
          })
        }),
      }),
      ...DELAY_SUBJECTS.map((subject) =>
        connection.subscribe(subject, {
          ...options,
          callback: guarded((message) => {
            const tokens = message.subject.split('.')
            const name = tokens[DELAY_TOKENS - 1] ?? ''
            if (message.reply && !mayBeAnswered(message)) return invalid(name, 'delay')
            const queue = this.#queues.get(name)
            if (queue !== undefined) return void queue.delayed.handle(tokens.slice(DELAY_TOKENS).join('.'), message)
            invalid(name, 'delay')
            message.respond(JSON.stringify({ error: NO_QUEUE }))
          }),
        }),
      ),
      connection.subscribe(TRANSACTION_REQUESTS, {
        ...options,
        callback: guarded((message) => {
          if (!mayBeAnswered(message)) return invalid('', 'transaction')
          const verb = message.subject.slice(TRANSACTION_REQUESTS.length - 1)
          const transactions = this.#ready ? this.#transactions : undefined
          answer(transactions, verb, message.string())
            .then((found) => {
              if ('error' in found) invalid('', 'transaction')
              message.respond(JSON.stringify(found))
            })
            .catch((error: unknown) => this.#logger.debug({ err: error }, 'could not answer a transaction request'))
        }),
      }),
      // Not shared: every sidecar counts for itself.
      connection.subscribe(STORED_SUBJECT, {
        callback: guarded((message) => {
          const { subject } = message
          const [, , name = ''] = subject.split('.', STORED_TOKENS)
          const sequence = (): number => Number(message.headers?.get(REPUBLISHED_SEQUENCE))
          this.#queues.get(name)?.handleStored(storedAs(subject), sequence)
        }),
      }),
      connection.subscribe(ACK_SUBJECT, {
        ...options,
        callback: guarded((message) => {
          const ack = parseAckSubject(message.subject)
          if (ack !== undefined) this.#handleAck(ack, message)
        }),
      }),
    ]
  }

  async #takesPublishes(): Promise<void> {
    if (!this.#puts.isConnected) throw new Error('the connection for publishes is not there yet')
  }

  #handleAck(ack: AckSubject, message: AckMessage): void {
    try {
      this.#queues.get(ack.stream)?.handleAck(ack, message)
    } catch (error) {
      this.#logger.error({ err: error, consumer: ack.consumer }, 'could not handle an acknowledgement')
    }
  }

  async #sweep(): Promise<void> {
    const js = this.#js
    if (!this.#ready || this.#sweeping || js === undefined) return
    this.#sweeping = true
    const now = performance.now()
    const warn = (queue?: string) => (error: unknown) =>
      this.#logger.warn({ err: error, queue }, 'could not look after what no signal tells of; trying again')
    await readGivenUp(js, this.#logger, async ({ stream, consumer, sequence, attempts }) => {
      await this.#queues.get(stream)?.handleGivenUp(consumer, sequence, attempts)
    }).catch(warn())
    for (const queue of this.#queues.values()) await queue.sweep(now).catch(warn(queue.name))
    await this.#operations?.forward().catch(warn())
    this.#sweeping = false
  }

  async #followStatus(connection: NatsConnection, requests: LostRequests): Promise<void> {
    for await (const status of connection.status()) {
      if (status.type === 'disconnect') {
        setTimeout(() => this.#tellLoss(), TELL_LOSS_MS).unref()
        this.#reachable = false
        this.#ready = false
        this.#losses++
        for (const queue of this.#queues.values()) queue.lost()
        requests.lost()
      } else if (status.type === 'reconnect') {
        this.#metrics.reconnects.inc()
        this.#logger.info('reached nats-server again')
        requests.found()
        this.#reachable = true
        // Before the first start is over there is nothing to take up again.
        if (this.#sweeper === undefined) continue
        this.#takingUp = this.#takingUp.then(() => this.#takeUpAgain(this.#losses))
      }
    }
  }

  /** Unless this process was told to end at the same time. */
  #tellLoss(): void {
    if (!this.#stopping.signal.aborted) this.#logger.warn('lost nats-server')
  }

  /** Unless nats-server was lost once more meanwhile. */
  async #takeUpAgain(losses: number): Promise<void> {
    const isLost = (): boolean => this.#losses !== losses
    await this.#untilDone('take up the queues again', async () => {
      for (const queue of this.#queues.values()) if (!isLost()) await queue.start()
    })
    await this.#untilDone('take publishes again', async () => isLost() || this.#takesPublishes())
    this.#transactions?.reconnected()
    if (!isLost()) this.#ready = this.#reachable && !this.#stopping.signal.aborted
  }
}

function refused(error: unknown): never {
  throw apiFailure(error)
}
