import { type Stat, stat } from '../panels.ts'
import { BY_BROKER, BY_QUEUE, maxBy, ofBrokers, ofQueues, rate, sum } from '../promql.ts'

const gauge = (metric: string): string => sum(maxBy(BY_QUEUE, ofQueues(metric)))

const stats: readonly Stat[] = [
  {
    title: 'Ready',
    description: 'Messages that wait for a consumer, over all chosen Queues.',
    unit: 'count',
    expr: gauge('pillion_queue_messages_ready'),
  },
  {
    title: 'In flight',
    description: 'Messages that were delivered and are not acknowledged yet.',
    unit: 'count',
    expr: gauge('pillion_queue_messages_in_flight'),
  },
  {
    title: 'In',
    description: 'Messages published, each second.',
    unit: 'perSecond',
    expr: sum(rate(ofQueues('pillion_queue_published_total'))),
  },
  {
    title: 'Out',
    description: 'Messages acknowledged by consumers, each second.',
    unit: 'perSecond',
    expr: sum(rate(ofQueues('pillion_queue_acknowledged_total'))),
  },
  {
    title: 'Waiting pulls',
    description:
      'Pull requests of consumers that wait for messages. 0 while messages are ready: no consumer, or all are busy.',
    unit: 'count',
    expr: sum(ofQueues('pillion_queue_waiting_pulls')),
  },
  {
    title: 'Dead letters',
    description: 'Messages that were dead-lettered and are still kept.',
    unit: 'count',
    expr: gauge('pillion_queue_messages_dead_lettered'),
    steps: ['green', [1, 'orange']],
  },
  {
    title: 'Brokers down',
    description: 'Brokers that cannot be scraped, or whose sidecar is not connected to nats-server.',
    unit: 'count',
    expr: `sum(up{namespace=~"$namespace", broker=~"$broker", broker!=""} == bool 0) + sum(${maxBy(BY_BROKER, ofBrokers('pillion_broker_connected'))} == bool 0)`,
    steps: ['green', [1, 'red']],
  },
  {
    title: 'Operators leading',
    description: 'Must be 1: without a leader no Queue is created, changed or deleted. Messages flow all the same.',
    unit: 'count',
    expr: 'sum(pillion_operator_leader)',
    steps: ['red', [1, 'green'], [2, 'red']],
  },
]

export const overview = { title: 'Overview', panels: stats.map(stat) }
