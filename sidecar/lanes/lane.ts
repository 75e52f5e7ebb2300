/** One internal JetStream consumer of a group. */
export interface Lane {
  /** Unique in its group; part of the consumer's name. */
  readonly name: string
  /** The subject whose messages the lane delivers. */
  readonly filterSubject: string
  /**
   * Whether these are all of the stream. JetStream counts what is left for a consumer after each purge; for one with a wildcard it looks at every
   * subject, for one without a filter at none.
   */
  readonly isWhole?: true
  /** Messages that may be in flight at once. */
  readonly maxAckPending: number
  /** Of a sub-queue: where it is in the tree. */
  readonly path?: string
  /** Deliveries after which JetStream gives a message up; left out: as many as the Queue's maxAttempts. */
  readonly maxDeliver?: number
}

/** How a Queue's stream takes messages in. */
export interface StreamShape {
  /** No wider than the mode allows, so that a publish that no lane would deliver is refused. */
  readonly subjects: readonly string[]
  /** Messages that are kept of a subject at most; left out: any number. */
  readonly maxPerSubject?: number
  /** What a message's subject is stored as, where that differs from what it was published to. */
  readonly transform?: { readonly src: string; readonly dest: string }
}

/**
 * Bounds what a crash delivers again and what settles out of order; far above what consumers prefetch, so that it is the
 * consumers who say how much is in flight.
 */
export const MAX_IN_FLIGHT = 50_000
