import { type Query, series } from '../panels.ts'
import { BROKER_LEGEND, BY_BROKER, maxBy, ofBrokers, ofSidecars, quantile, rate, share, sum, sumBy } from '../promql.ts'

const gauge = (metric: string) => ({ expr: maxBy(BY_BROKER, ofBrokers(metric)), legend: BROKER_LEGEND })
const quantiles = (histogram: string): readonly [Query, Query] => [
  { expr: quantile(0.5, ofBrokers(`${histogram}_bucket`)), legend: 'median' },
  { expr: quantile(0.99, ofBrokers(`${histogram}_bucket`)), legend: '99th percentile' },
]

export const brokers = {
  title: 'Brokers',
  panels: [
    series({
      title: 'Connected',
      description: '1 while the sidecar is connected to its nats-server.',
      unit: 'count',
      max: 1,
      queries: [
        {
          ...gauge('pillion_broker_connected'),
          expr: `min by (${BY_BROKER.join(', ')}) (${ofBrokers('pillion_broker_connected')})`,
        },
      ],
    }),
    series({
      title: 'Reconnects',
      description: 'How often the sidecar connected again to its nats-server, each second.',
      unit: 'perSecond',
      queries: [{ expr: sumBy(BY_BROKER, rate(ofBrokers('pillion_broker_reconnects_total'))), legend: BROKER_LEGEND }],
    }),
    series({
      title: 'Queues',
      description: 'Queues that the broker serves.',
      unit: 'count',
      queries: [gauge('pillion_broker_queues')],
    }),
    series({
      title: 'Store, of the limit',
      description: 'What JetStream stores as a part of what it may store. At 100 % publishes are refused.',
      unit: 'ratio',
      queries: [
        {
          expr: share(gauge('pillion_broker_store_bytes').expr, gauge('pillion_broker_store_limit_bytes').expr),
          legend: BROKER_LEGEND,
        },
      ],
    }),
    series({
      title: 'Settlement log: append',
      description: 'How long it takes to put a batch of settlements on record, over all chosen brokers.',
      unit: 'seconds',
      queries: quantiles('pillion_settlement_append_seconds'),
    }),
    series({
      title: 'Settlement log: purge',
      description: 'How long it takes to remove what is on record from its stream, over all chosen brokers.',
      unit: 'seconds',
      queries: quantiles('pillion_settlement_purge_seconds'),
    }),
    series({
      title: 'Settlements in a batch',
      description: 'Messages settled by one record of the settlement log, on average.',
      unit: 'count',
      queries: [
        {
          expr: `${sum(rate(ofBrokers('pillion_settlement_batch_messages_sum')))} / ${sum(rate(ofBrokers('pillion_settlement_batch_messages_count')))}`,
          legend: 'average',
        },
      ],
    }),
    series({
      title: 'Memory of sidecars',
      description: 'Resident memory of the sidecar process.',
      unit: 'bytes',
      queries: [
        { expr: maxBy(BY_BROKER, ofSidecars(ofBrokers('process_resident_memory_bytes'))), legend: BROKER_LEGEND },
      ],
    }),
    series({
      title: 'CPU of sidecars',
      description: 'Processor time of the sidecar process.',
      unit: 'cores',
      queries: [
        {
          expr: sumBy(BY_BROKER, ofSidecars(rate(ofBrokers('process_cpu_seconds_total')))),
          legend: BROKER_LEGEND,
        },
      ],
    }),
    series({
      title: 'Event loop lag of sidecars',
      description: 'Ninety-ninth percentile of how late the sidecar comes to its work.',
      unit: 'seconds',
      queries: [
        { expr: maxBy(BY_BROKER, ofSidecars(ofBrokers('nodejs_eventloop_lag_p99_seconds'))), legend: BROKER_LEGEND },
      ],
    }),
    series({
      title: 'Versions',
      description: 'Broker pods by the version of their sidecar.',
      unit: 'count',
      queries: [{ expr: `count by (version) (${ofBrokers('pillion_build_info')})`, legend: '{{version}}' }],
    }),
  ],
}
