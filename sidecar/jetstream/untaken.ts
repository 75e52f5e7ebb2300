import { errors } from '@nats-io/transport-node'

/** Whether a publish failed because no stream takes its subject, which the client library takes for a server without JetStream. */
export const isUntaken = (error: unknown): boolean =>
  error instanceof errors.NoRespondersError || (error instanceof Error && error.message === 'jetstream is not enabled')
