import { series } from '../panels.ts'
import { BY_QUEUE, maxBy, ofQueues, QUEUE_LEGEND } from '../promql.ts'

const byQueue = (metric: string) => ({ expr: maxBy(BY_QUEUE, ofQueues(metric)), legend: QUEUE_LEGEND })

export const depth = {
  title: 'Depth and age',
  panels: [
    series({
      title: 'Ready messages',
      description:
        'Messages that wait for a consumer, by Queue; with several consumer groups, of the group with the most.',
      unit: 'count',
      queries: [byQueue('pillion_queue_messages_ready')],
    }),
    series({
      title: 'Messages in flight',
      description: 'Messages that were delivered and are not acknowledged yet, by Queue.',
      unit: 'count',
      queries: [byQueue('pillion_queue_messages_in_flight')],
    }),
    series({
      title: 'Age of the oldest message',
      description: 'How long the oldest message that is not settled has been in its Queue.',
      unit: 'seconds',
      queries: [byQueue('pillion_queue_oldest_message_age_seconds')],
    }),
    series({
      title: 'Delayed messages',
      description: 'Messages that are due later: a retry that waits out its backoff, or a publish with a delay.',
      unit: 'count',
      queries: [byQueue('pillion_queue_messages_delayed')],
    }),
    series({
      title: 'Stored bytes',
      description: "What the Queue's stream takes of its broker's volume.",
      unit: 'bytes',
      queries: [byQueue('pillion_queue_bytes')],
    }),
  ],
}
