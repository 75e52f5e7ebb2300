/** Headers of a delayed publish, as the client writes them. */
export const delayHeader = {
  /** How long from now: a duration. */
  delay: 'Pillion-Delay',
  /** When: RFC 3339. */
  at: 'Pillion-At',
  /** Takes back the delayed publish with this sequence. */
  cancel: 'Pillion-Cancel',
} as const

/** Headers of a message in the delayed stream, beside its own. A client's headers of these names are left out. */
export const storedHeader = {
  /** Milliseconds since 1970. */
  due: 'Pillion-Delayed-Due',
  /** Where it is published when due. */
  subject: 'Pillion-Delayed-Subject',
  /** `Nats-TTL` of the message, which counts from when it is due. */
  ttl: 'Pillion-Delayed-TTL',
  /** Set where it was in the Queue before and waits out a backoff: its sequence there. */
  parked: 'Pillion-Delayed-Parked',
  /** Set where a transaction sent it: which one. */
  transaction: 'Pillion-Delayed-Transaction',
} as const

/** Whether a header is this folder's own. */
export const isStoredHeader = (name: string): boolean => /^pillion-delayed-/i.test(name)
