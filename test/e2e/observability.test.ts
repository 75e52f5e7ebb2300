import { setTimeout as sleep } from 'node:timers/promises'
import { type JetStreamClient, jetstream } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { checkDashboard, MAY_BE_ABSENT } from '../../charts/dashboards/check.ts'
import { type Prometheus, startPrometheus } from '../chart/prometheus.ts'
import { connectTo, managerOf } from './harness/broker.ts'
import { installation, readyOperatorPod } from './harness/installation.ts'
import { queue, queueBroker } from './harness/manifests.ts'
import { useNamespace } from './harness/namespace.ts'
import type { StoredPod } from './harness/objects.ts'
import { secondsSince, tell, until } from './harness/until.ts'

// A real Prometheus scrapes the operator and two brokers, while everything that has a metric happens; then every PromQL of the
// dashboard is run.

const namespace = useNamespace('observability')
const stop = new AbortController()
let traffic: Promise<void>
let prometheus: Prometheus

beforeAll(async () => {
  const onShop = { brokerRef: { name: 'shop' } }
  const retry = { visibilityTimeout: '1s', maxAttempts: 2, backoff: { initial: '100ms', max: '1s' } }
  await namespace.apply(
    queueBroker('shop'),
    queue('busy', { ...onShop, retry }),
    queue('small', { ...onShop, retention: { maxBytes: '8Mi', maxMessages: 20, onLimit: 'DropOldest' } }),
    queue('alone'),
  )
  for (const name of ['busy', 'small', 'alone']) await namespace.queueReady(name)
  traffic = busyness()
  traffic.catch(() => undefined)
  const operator = await readyOperatorPod()
  const brokers = [await namespace.readyBrokerPod('shop'), await namespace.readyBrokerPod('alone')]
  prometheus = await startPrometheus([
    {
      job_name: 'pillion',
      scrape_interval: '1s',
      // The labels that the chart's PodMonitors give; a Prometheus in the cluster finds the targets by itself.
      static_configs: [
        target(operator, { namespace: installation.namespace }),
        ...brokers.map((pod) =>
          target(pod, { namespace: namespace.name, broker: pod.metadata.labels?.['pillion.dev/broker'] }),
        ),
      ],
    },
  ])
})
afterAll(async () => {
  stop.abort()
  await traffic?.catch(() => undefined)
  await prometheus?.[Symbol.asyncDispose]()
})

test('every query of the dashboard gives series', async () => {
  const started = performance.now()
  // Only this one cannot be brought about at will.
  const { pillion_operator_api_errors_total = '' } = MAY_BE_ABSENT
  const options = { rateInterval: '20s', mayBeAbsent: { pillion_operator_api_errors_total } }
  const checked = await until('the dashboard to be full', () => checkDashboard(prometheus.url, options), {
    withinMs: 150_000,
    everyMs: 3000,
  })
  tell(
    `${checked.length} queries of the dashboard gave ${checked.reduce((sum, { series }) => sum + series, 0)} series after ${secondsSince(started)} s`,
  )
  expect(checked.length).toBeGreaterThan(20)
})

test('what happened is what is counted', async () => {
  stop.abort()
  await traffic
  const wanted = {
    'pillion_queue_acknowledged_total{queue="busy"}': acknowledged.size,
    'pillion_queue_dead_lettered_total{queue="busy", reason="rejected"}': rejected.size,
    'pillion_queue_published_total{queue="alone"}': publishedAlone,
    'pillion_queue_messages_ready{queue="alone"}': publishedAlone,
    'pillion_queue_messages_ready{queue="small"}': 20,
    pillion_operator_leader: 1,
  }
  let counted: Record<string, number | undefined> = {}
  // The last of it is there after the next scrape.
  await until(
    'the counts of what happened',
    async () => {
      counted = Object.fromEntries(
        await Promise.all(Object.keys(wanted).map(async (expr) => [expr, await prometheus.value(expr)])),
      )
      return JSON.stringify(counted) === JSON.stringify(wanted)
    },
    { withinMs: 20_000 },
  ).catch(() => undefined)
  expect(counted).toEqual(wanted)
})

/** By sequence: on a slow machine one may come twice, and is counted once. */
const acknowledged = new Set<number>()
const rejected = new Set<number>()
let publishedAlone = 0

const target = ({ metadata, status }: StoredPod, labels: Readonly<Record<string, string | undefined>>) => ({
  targets: [`${status.podIP}:8080`],
  labels: { pod: metadata.name, ...labels },
})

/** Publishes, acknowledges, gives back, rejects, leaves unanswered, overflows, misspells and drifts, until it is stopped. */
async function busyness(): Promise<void> {
  const [shop, alone, sidecar] = [
    await connectTo(namespace, 'shop'),
    await connectTo(namespace, 'alone'),
    await connectTo(namespace, 'shop', 'sidecar'),
  ]
  try {
    const manager = await managerOf(sidecar)
    const js = jetstream(shop)
    for (let round = 0; !stop.signal.aborted; round++) {
      for (let i = 0; i < 10; i++) await js.publish('q.busy', `${round} ${i}`)
      for (let i = 0; i < 10; i++) await js.publish('q.small', `${round} ${i}`)
      await jetstream(alone).publish('q.alone', `${round}`)
      publishedAlone++
      await misspell(shop)
      await settleNine(js)
      // Drift is only corrected at the next resync, so this is not done in every round.
      if (round % 20 === 0) await manager.streams.update('busy', { max_msgs: 5000 + round })
      await sleep(200)
    }
  } finally {
    for (const connection of [shop, alone, sidecar]) await connection.close()
  }
}

/** Takes one message by hand, and answers it with what no client library says. */
async function misspell(connection: NatsConnection): Promise<void> {
  const pull = JSON.stringify({ batch: 1, expires: 1e9 })
  const options = { timeout: 5000, noMux: true }
  const { reply } = await connection.request('$JS.API.CONSUMER.MSG.NEXT.busy.workers', pull, options)
  if (reply !== undefined && reply !== '') connection.publish(reply, '+ACKNOWLEDGED')
}

async function settleNine(js: JetStreamClient): Promise<void> {
  const group = await js.consumers.get('busy', 'workers')
  let n = 0
  for await (const message of await group.fetch({ max_messages: 9, expires: 1000 })) {
    switch (n++) {
      case 0:
        message.nak()
        break
      case 1:
        message.term('broken')
        rejected.add(message.seq)
        break
      case 2:
        // Left to its visibility timeout.
        break
      case 3:
        message.working()
        break
      default:
        if (await message.ackAck()) acknowledged.add(message.seq)
    }
  }
}
