import { JetStreamApiError } from '@nats-io/jetstream'

/** nats-server's error code: another message of the subject was stored since the one that the publish named as its last. */
const WRONG_LAST_SEQUENCE = 10071

/** Whether a publish that named the last message of its subject was refused because a newer one is there. */
export const isOvertaken = (error: unknown): boolean =>
  error instanceof JetStreamApiError && error.code === WRONG_LAST_SEQUENCE
