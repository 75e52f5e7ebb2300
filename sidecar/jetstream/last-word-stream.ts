import { DiscardPolicy, RetentionPolicy, StorageType } from '@nats-io/jetstream'
import type { WantedStream } from './desired.ts'

/**
 * A stream in which the broker keeps something of its own, the last word of each subject. Not a JetStream key-value bucket, whose
 * clients do not work past the subject mappings. Pure.
 */
export const lastWordStream = (name: string, ...subjects: string[]): WantedStream => ({
  name,
  subjects,
  storage: StorageType.File,
  retention: RetentionPolicy.Limits,
  discard: DiscardPolicy.Old,
  num_replicas: 1,
  max_msgs_per_subject: 1,
  allow_direct: true,
})
