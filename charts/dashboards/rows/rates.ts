import { series } from '../panels.ts'
import { BY_QUEUE, ofQueues, QUEUE_LEGEND, rate, sumBy } from '../promql.ts'

const byQueue = (metric: string) => ({ expr: sumBy(BY_QUEUE, rate(ofQueues(metric))), legend: QUEUE_LEGEND })
export const rates = {
  title: 'Rates and consumers',
  panels: [
    series({
      title: 'Published',
      description: 'Messages stored, each second, by Queue.',
      unit: 'perSecond',
      queries: [byQueue('pillion_queue_published_total')],
    }),
    series({
      title: 'Delivered',
      description: 'Messages given to consumers, each second, by Queue; repeated deliveries are counted.',
      unit: 'perSecond',
      queries: [byQueue('pillion_queue_delivered_total')],
    }),
    series({
      title: 'Acknowledged',
      description:
        'Messages acknowledged by consumers, each second, by Queue. Below the rate of publishing: the Queue grows.',
      unit: 'perSecond',
      queries: [byQueue('pillion_queue_acknowledged_total')],
    }),
    series({
      title: 'Pull requests',
      description:
        'Pull requests of consumers, each second, by Queue. Many for few messages: consumers ask for small batches.',
      unit: 'perSecond',
      queries: [byQueue('pillion_queue_pulls_total')],
    }),
    series({
      title: 'Waiting pull requests',
      description: 'Pull requests that wait for messages, by Queue: 0 for long means that no consumer asks.',
      unit: 'count',
      queries: [{ expr: sumBy(BY_QUEUE, ofQueues('pillion_queue_waiting_pulls')), legend: QUEUE_LEGEND }],
    }),
  ],
}
