import { createServer, type Server } from 'node:http'
import { once } from 'node:events'
import type { Registry } from 'prom-client'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { checkDashboard } from '../../charts/dashboards/check.ts'
import { scrapeConfigs } from '../../charts/dashboards/scrape-config.ts'
import { queueBrokerSpecSchema } from '../../crds/index.ts'
import type { Broker } from '../../operator/desired/broker.ts'
import { configMap } from '../../operator/desired/config-map.ts'
import { statefulSet } from '../../operator/desired/stateful-set.ts'
import { operatorMetrics } from '../../operator/metrics.ts'
import { Metrics } from '../../sidecar/metrics/metrics.ts'
import { QueueMetrics } from '../../sidecar/metrics/queue-metrics.ts'
import { binary } from '../cluster/binaries.ts'
import { type ControlPlane, startControlPlane } from '../cluster/control-plane.ts'
import { run } from '../cluster/run.ts'
import { find, rendered, template } from './helm.ts'
import { type Prometheus, startPrometheus } from './prometheus.ts'

// Pods as the operator and the chart make them, on a real API server that has no node: what they would export is served here, where
// everything has happened once. Prometheus finds them by the configuration that the chart's README gives. What only the end-to-end test
// can tell is whether a cluster exports all of it.

const brokerIp = '127.77.0.1'
const operatorIp = '127.77.0.2'
const HTTP_PORT = 8080
const orders: Broker = {
  object: {
    apiVersion: 'pillion.dev/v1alpha1',
    kind: 'QueueBroker',
    metadata: { name: 'orders', namespace: 'shop', uid: 'uid' },
  },
  name: 'orders',
  namespace: 'shop',
  spec: queueBrokerSpecSchema.parse({}),
}

const servers: Server[] = []
let cluster: ControlPlane
let kubectl: (args: string[], input?: object) => Promise<string>
let prometheus: Prometheus | undefined

beforeAll(async () => {
  cluster = await startControlPlane()
  const program = await binary('kubectl')
  kubectl = (args, input) =>
    run(
      program,
      ['--kubeconfig', cluster.kubeconfig, ...args],
      input === undefined ? {} : { input: JSON.stringify(input) },
    )
  await serve(sidecarRegistry(), brokerIp)
  await serve(operatorRegistry(), operatorIp)
  await pod('shop', 'orders-0', brokerPod(), brokerIp)
  await pod(
    'pillion-system',
    'pillion-operator-abc',
    find(await rendered(), 'Deployment', 'pillion-operator').spec?.template,
    operatorIp,
  )

  prometheus = await startPrometheus(scrapeConfigs({ kubeconfigFile: cluster.kubeconfig, interval: '1s' }))
  // A rate needs two scrapes.
  const scrapes =
    'min(count_over_time({__name__=~"pillion_(build_info|operator_leader)"}[1m])) and on () count(up == 1) == 2'
  await vi.waitFor(async () => expect(await prometheus?.value(scrapes)).toBeGreaterThanOrEqual(3), {
    timeout: 30_000,
    interval: 500,
  })
})
afterAll(async () => {
  await prometheus?.[Symbol.asyncDispose]()
  for (const server of servers) server.close()
  await cluster?.stop()
})

test('only metrics are scraped, with the labels that the dashboard reads', async () => {
  expect(await prometheus?.value('count(up)')).toBe(2)
  expect(await prometheus?.value('up{namespace="shop", broker="orders", pod="orders-0"}')).toBe(1)
  expect(await prometheus?.value('up{namespace="pillion-system", broker="", pod="pillion-operator-abc"}')).toBe(1)
})

test('every PromQL of the dashboard gives series on a real Prometheus', async () => {
  const checked = await checkDashboard(prometheus?.url ?? '', { mayBeAbsent: {} })
  expect(checked.length).toBeGreaterThan(40)
})

test('the alert on transactions in doubt fires for the broker that has some', async () => {
  const text = await template({ args: ['--api-versions', 'monitoring.coreos.com/v1/PrometheusRule'] })
  const [, expr = ''] = /expr: (.*)$/m.exec(text) ?? []
  expect(expr).toContain('pillion_broker_transactions_in_doubt')
  expect(await prometheus?.value(expr)).toBe(2)
})

test('nothing is counted twice, and processes are told apart', async () => {
  const checked = await checkDashboard(prometheus?.url ?? '', { mayBeAbsent: {} })
  const exprOf = (title: string) => checked.find(({ where }) => where === `${title} (A)`)?.expr ?? ''
  expect(await prometheus?.value(exprOf('Ready'))).toBe(7)
  expect(await prometheus?.value(exprOf('Brokers down'))).toBe(0)
  expect(await prometheus?.value(exprOf('Messages, of the limit'))).toBe((7 + 2 + 1) / 100)
  expect(checked.filter(({ where }) => where.startsWith('Memory of ')).map(({ series }) => series)).toEqual([1, 1])
})

function sidecarRegistry(): Registry {
  const metrics = new Metrics('0.1.0')
  const queue = 'orders'
  const group = { queue, group: 'workers' }
  metrics.ready.set({ queue }, 7)
  metrics.inFlight.set({ queue }, 2)
  metrics.delayed.set({ queue }, 1)
  metrics.deadLetters.set({ queue }, 1)
  metrics.bytes.set({ queue }, 1000)
  metrics.oldestAge.set({ queue }, 3)
  metrics.limitMessages.set({ queue }, 100)
  metrics.limitBytes.set({ queue }, 10_000)
  metrics.paused.set({ queue }, 0)
  metrics.waitingPulls.set(group, 1)
  metrics.unrecorded.set(group, 0)
  metrics.setPublished(queue, 10)
  metrics.setDelivered(queue, 'workers', 5)
  metrics.connected.set(1)
  metrics.storeBytes.set(1000)
  metrics.storeLimitBytes.set(10_000)
  metrics.queues.set(1)
  metrics.transactionsInDoubt.set(2)
  const events = new QueueMetrics(metrics, queue)
  events.pull('workers')
  events.ended('workers', 3)
  events.nacked('workers')
  events.redelivered('workers', 1)
  events.deadLettered('workers', 'maxAttempts')
  events.dropped('expired', 1)
  events.drift(1)
  events.invalid('ack')
  events.appended(0.002, 3)
  events.purged(0.003)
  return metrics.registry
}

function operatorRegistry(): Registry {
  const metrics = operatorMetrics({ depth: () => 0, objects: () => ({ ready: 1, notReady: 0 }) })
  metrics.leading(true)
  metrics.reconciled('Queue', 'done', 0.1)
  metrics.apiError('409')
  metrics.driftCorrected('Service')
  return metrics.registry
}

function brokerPod(): object {
  const settings = {
    sidecarImage: 'sidecar',
    natsImage: 'nats',
    imagePullPolicy: undefined,
    operatorNamespace: 'pillion-system',
    throughApiServer: false,
  }
  const credentials = { clientPassword: 'a', sidecarPassword: 'b', token: 'c' }
  const { template } = statefulSet(orders, settings, { config: configMap(orders, 1e9), credentials }).spec ?? {}
  // The claim becomes a volume where there is a StatefulSet controller.
  const volumes = [...(template?.spec?.volumes ?? []), { name: 'data', emptyDir: {} }]
  return { ...template, spec: { ...template?.spec, volumes } }
}

/** Makes a pod of this template, and says that it runs at this address. */
async function pod(namespace: string, name: string, template: object | undefined, ip: string): Promise<void> {
  await kubectl(['create', 'namespace', namespace])
  const { metadata, spec }: { metadata?: object; spec?: object } = template ?? {}
  await kubectl(['create', '-f', '-'], {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...metadata, namespace, name },
    spec,
  })
  const status = JSON.stringify({ status: { phase: 'Running', podIP: ip, podIPs: [{ ip }] } })
  await kubectl(['patch', 'pod', name, '-n', namespace, '--subresource=status', '--type=merge', '-p', status])
}

async function serve(registry: Registry, host: string): Promise<void> {
  const server = createServer((_, response) => {
    const answer = async () => {
      response.setHeader('Content-Type', registry.contentType)
      response.end(await registry.metrics())
    }
    void answer()
  })
  servers.push(server)
  server.listen(HTTP_PORT, host)
  await once(server, 'listening')
}
