import { series } from '../panels.ts'
import { BY_QUEUE, maxBy, ofQueues, QUEUE_LEGEND, rate, sumBy } from '../promql.ts'

const byQueue = (metric: string) => ({ expr: sumBy(BY_QUEUE, rate(ofQueues(metric))), legend: QUEUE_LEGEND })
const by = (label: string, metric: string) => ({
  expr: sumBy([...BY_QUEUE, label], rate(ofQueues(metric))),
  legend: `${QUEUE_LEGEND} {{${label}}}`,
})

export const outcomes = {
  title: 'Retries and dead letters',
  panels: [
    series({
      title: 'Refused by consumers (NAK)',
      description: 'Messages that a consumer gave back, each second, by Queue: they are retried after their backoff.',
      unit: 'perSecond',
      queries: [byQueue('pillion_queue_nacked_total')],
    }),
    series({
      title: 'Delivered again',
      description: 'Deliveries that were not the first of their message, each second, by Queue.',
      unit: 'perSecond',
      queries: [byQueue('pillion_queue_redelivered_total')],
    }),
    series({
      title: 'Dead letters kept',
      description: 'Messages in the dead-letter stream, by Queue.',
      unit: 'count',
      queries: [{ expr: maxBy(BY_QUEUE, ofQueues('pillion_queue_messages_dead_lettered')), legend: QUEUE_LEGEND }],
    }),
    series({
      title: 'Dead-lettered, by reason',
      description:
        'Messages dead-lettered, each second: after their last attempt, rejected by a consumer, or never answered.',
      unit: 'perSecond',
      queries: [by('reason', 'pillion_queue_dead_lettered_total')],
    }),
    series({
      title: 'Dropped, by reason',
      description:
        'Messages that ended without being delivered and acknowledged, as their Queue declares: expired or evicted.',
      unit: 'perSecond',
      queries: [by('reason', 'pillion_queue_dropped_total')],
    }),
    series({
      title: 'Unrecorded messages',
      description:
        'Messages whose end is not in the settlement log though they are no longer in flight. More than 0 for longer than a minute is looked into by the sidecar.',
      unit: 'count',
      queries: [{ expr: maxBy(BY_QUEUE, ofQueues('pillion_queue_unrecorded_messages')), legend: QUEUE_LEGEND }],
    }),
    series({
      title: 'Invalid requests, by kind',
      description: 'Pull requests and acknowledgements that could not be understood, each second.',
      unit: 'perSecond',
      queries: [by('kind', 'pillion_queue_invalid_requests_total')],
    }),
    series({
      title: 'Drift corrected in brokers',
      description: 'Streams and consumers that differed from their manifest and were put right, each second.',
      unit: 'perSecond',
      queries: [byQueue('pillion_queue_drift_corrected_total')],
    }),
  ],
}
