import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

/** Everything that the sidecar exports. */
export class Metrics {
  readonly registry = new Registry()
  readonly #published = new Map<string, number>()
  readonly #delivered = new Map<string, number>()
  readonly #ended = new Map<string, Readonly<Record<string, number>>>()

  readonly ready = this.#gauge('queue_messages_ready', 'Messages that wait to be delivered')
  readonly inFlight = this.#gauge('queue_messages_in_flight', 'Messages delivered and not settled yet')
  readonly delayed = this.#gauge('queue_messages_delayed', 'Messages that wait for their time')
  readonly deadLetters = this.#gauge('queue_messages_dead_lettered', 'Dead letters kept')
  readonly bytes = this.#gauge('queue_bytes', 'Size of the stored messages')
  readonly oldestAge = this.#gauge('queue_oldest_message_age_seconds', 'Age of the oldest message that is not settled')
  readonly limitMessages = this.#gauge('queue_limit_messages', 'retention.maxMessages')
  readonly limitBytes = this.#gauge('queue_limit_bytes', 'retention.maxBytes')
  readonly paused = this.#gauge('queue_paused', '1 while the Queue is paused')
  readonly waitingPulls = this.#gauge('queue_waiting_pulls', 'Pull requests that wait for messages', ['group'])
  readonly unrecorded = this.#gauge('queue_unrecorded_messages', 'Delivered messages with no end on record', ['group'])

  readonly unaccounted = this.#gauge(
    'queue_unaccounted_messages',
    'Accepted, with no end and not there; 0 when the Queue is quiet',
    ['group'],
  )

  readonly pulls = this.#counter('queue_pulls_total', 'Pull requests', ['group'])
  readonly acknowledged = this.#counter('queue_acknowledged_total', 'Messages acknowledged, on record', ['group'])
  readonly nacked = this.#counter('queue_nacked_total', 'Negative acknowledgements', ['group'])
  readonly redelivered = this.#counter('queue_redelivered_total', 'Deliveries after the first, of answered messages', [
    'group',
  ])
  readonly deadLettered = this.#counter('queue_dead_lettered_total', 'Messages moved to the dead letters', [
    'group',
    'reason',
  ])
  readonly dropped = this.#counter('queue_dropped_total', 'Messages that left the stream unsettled', ['reason'])
  readonly failovers = this.#counter('queue_failovers_total', 'Active consumers whose place another took', ['group'])
  readonly delayedEnded = this.#counter('queue_delayed_ended_total', 'Messages that were due, by what became of them', [
    'outcome',
  ])
  readonly delayedRefused = this.#counter(
    'queue_delayed_refused_total',
    'Tries to move a message that was due into a Queue that did not take it',
  )
  readonly drift = this.#counter('queue_drift_corrected_total', 'Differences from the declared state, put right')
  readonly repairs = this.#counter('queue_repairs_total', 'Messages found between two steps, and the rest done', [
    'kind',
  ])
  readonly invalid = this.#counter(
    'queue_invalid_requests_total',
    'Pulls, acknowledgements, delayed publishes and transactions that were refused',
    ['kind'],
  )

  readonly appendSeconds = this.#histogram('settlement_append_seconds', 'Time until a settlement record is stored')
  readonly purgeSeconds = this.#histogram('settlement_purge_seconds', 'Time of a purge of settled messages')
  readonly batchMessages = new Histogram({
    name: 'pillion_settlement_batch_messages',
    help: 'Settlements in one record',
    labelNames: ['queue'],
    buckets: [1, 3, 10, 30, 100, 300, 1000, 3000],
    registers: [this.registry],
  })

  readonly connected = this.#broker('connected', '1 while the sidecar is connected to nats-server')
  readonly storeBytes = this.#broker('store_bytes', 'Bytes that JetStream has stored')
  readonly storeLimitBytes = this.#broker('store_limit_bytes', 'Bytes that JetStream may store')
  readonly queues = this.#broker('queues', 'Queues that the broker keeps')
  readonly openTransactions = this.#broker('transactions_open', 'Transactions that have not come to their end')
  readonly transactionsInDoubt = this.#broker(
    'transactions_in_doubt',
    'Transactions that wait for somebody to decide: their producer was asked in vain, or a broker that they span is gone',
  )
  readonly checkBacks = new Counter({
    name: 'pillion_broker_check_backs_total',
    help: 'Questions to producers of prepared transactions, by what was answered: commit, abort or unknown',
    labelNames: ['answer'],
    registers: [this.registry],
  })
  readonly endedTransactions = new Counter({
    name: 'pillion_broker_transactions_total',
    help: 'Transactions that came to their end, by it: committed or aborted',
    labelNames: ['outcome'],
    registers: [this.registry],
  })
  readonly reconnects = new Counter({
    name: 'pillion_broker_reconnects_total',
    help: 'Connections to nats-server that were made again',
    registers: [this.registry],
  })

  constructor(version: string) {
    collectDefaultMetrics({ register: this.registry })
    for (const outcome of ['committed', 'aborted']) this.endedTransactions.inc({ outcome }, 0)
    for (const answer of ['commit', 'abort', 'unknown']) this.checkBacks.inc({ answer }, 0)
    new Gauge({
      name: 'pillion_build_info',
      help: 'Version of the sidecar',
      labelNames: ['version'],
      registers: [this.registry],
    }).set({ version }, 1)
    // These are counted elsewhere; a counter that is set, not incremented, is filled when it is read.
    const published = this.#published
    new Counter({
      name: 'pillion_queue_published_total',
      help: 'Messages accepted since the stream was created',
      labelNames: ['queue'],
      registers: [this.registry],
      collect() {
        this.reset()
        for (const [queue, count] of published) this.inc({ queue }, count)
      },
    })
    const delivered = this.#delivered
    new Counter({
      name: 'pillion_queue_delivered_total',
      help: 'Deliveries, repeated ones counted',
      labelNames: ['queue', 'group'],
      registers: [this.registry],
      collect() {
        this.reset()
        for (const [key, count] of delivered) {
          const [queue = '', group = ''] = key.split('/')
          this.inc({ queue, group }, count)
        }
      },
    })
    const ended = this.#ended
    new Counter({
      name: 'pillion_queue_ended_total',
      help: 'Messages that came to an end since the stream was created, restarts or not',
      labelNames: ['queue', 'group', 'end'],
      registers: [this.registry],
      collect() {
        this.reset()
        for (const [key, counts] of ended) {
          const [queue = '', group = ''] = key.split('/')
          for (const [end, count] of Object.entries(counts)) this.inc({ queue, group, end }, count)
        }
      },
    })
  }

  /** @param counts by how messages ended */
  setEnded(queue: string, group: string, counts: Readonly<Record<string, number>>): void {
    this.#ended.set(`${queue}/${group}`, counts)
  }

  setPublished(queue: string, count: number): void {
    this.#published.set(queue, count)
  }

  setDelivered(queue: string, group: string, count: number): void {
    this.#delivered.set(`${queue}/${group}`, count)
  }

  /** Makes what is counted of a Queue known before it happens: a rate does not see the event with which a series begins. */
  beginAtZero(queue: string, group: string): void {
    for (const counter of this.#byGroup) counter.inc({ queue, group }, 0)
    this.drift.inc({ queue }, 0)
  }

  remove(queue: string, groups: readonly string[]): void {
    this.#published.delete(queue)
    for (const group of groups) {
      this.#delivered.delete(`${queue}/${group}`)
      this.#ended.delete(`${queue}/${group}`)
    }
    const byQueue = [
      this.ready,
      this.inFlight,
      this.delayed,
      this.deadLetters,
      this.bytes,
      this.oldestAge,
      this.limitMessages,
      this.limitBytes,
      this.paused,
    ]
    for (const gauge of byQueue) gauge.remove({ queue })
    for (const metric of [this.drift, this.delayedRefused, this.appendSeconds, this.purgeSeconds, this.batchMessages])
      metric.remove({ queue })
    for (const group of groups) {
      for (const metric of [this.waitingPulls, this.unrecorded, this.unaccounted, ...this.#byGroup])
        metric.remove({ queue, group })
    }
  }

  get #byGroup(): readonly Counter[] {
    return [this.pulls, this.acknowledged, this.nacked, this.redelivered, this.failovers]
  }

  #gauge(name: string, help: string, labels: string[] = []): Gauge {
    return new Gauge({ name: `pillion_${name}`, help, labelNames: ['queue', ...labels], registers: [this.registry] })
  }

  #broker(name: string, help: string): Gauge {
    return new Gauge({ name: `pillion_broker_${name}`, help, registers: [this.registry] })
  }

  #counter(name: string, help: string, labels: string[] = []): Counter {
    return new Counter({ name: `pillion_${name}`, help, labelNames: ['queue', ...labels], registers: [this.registry] })
  }

  #histogram(name: string, help: string): Histogram {
    return new Histogram({
      name: `pillion_${name}`,
      help,
      labelNames: ['queue'],
      buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5],
      registers: [this.registry],
    })
  }
}
