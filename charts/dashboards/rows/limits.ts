import { series } from '../panels.ts'
import { BY_QUEUE, maxBy, ofQueues, QUEUE_LEGEND, share } from '../promql.ts'

const gauge = (metric: string): string => maxBy(BY_QUEUE, ofQueues(metric))

const messages = ['ready', 'in_flight', 'delayed'].map((state) => gauge(`pillion_queue_messages_${state}`)).join(' + ')

export const limits = {
  title: 'Limits',
  panels: [
    series({
      title: 'Messages, of the limit',
      description:
        'Ready, in flight and delayed messages as a part of maxMessages. At 100 % onLimit decides what happens.',
      unit: 'ratio',
      queries: [{ expr: share(`(${messages})`, gauge('pillion_queue_limit_messages')), legend: QUEUE_LEGEND }],
    }),
    series({
      title: 'Bytes, of the limit',
      description: 'Stored bytes as a part of maxBytes. At 100 % onLimit decides what happens.',
      unit: 'ratio',
      queries: [
        { expr: share(gauge('pillion_queue_bytes'), gauge('pillion_queue_limit_bytes')), legend: QUEUE_LEGEND },
      ],
    }),
    series({
      title: 'Paused',
      description: '1 while a Queue delivers nothing because its manifest says paused: true.',
      unit: 'count',
      max: 1,
      queries: [{ expr: gauge('pillion_queue_paused'), legend: QUEUE_LEGEND }],
    }),
  ],
}
