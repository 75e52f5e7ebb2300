/**
 * Whether somebody is still there: subscribed to its inbox; connected without that, as one is who fetches and is between two
 * fetches; gone; or not to be told, since nats-server was started anew and numbers its connections from the beginning.
 */
export type Presence = 'listening' | 'connected' | 'gone' | 'unknown'

/** One consumer: who listens at an inbox, over a connection of nats-server (`<server id>/<client id>`). */
export interface Consumer {
  readonly inbox: string
  readonly connection: string
}

/** What is known of the active consumer of a group. Times are monotonic milliseconds. */
export interface Tenure {
  readonly consumer: Consumer
  /** When it last asked for messages, or answered one. */
  readonly heardAt: number
  readonly presence: Presence
  /** Since when its presence has been that. */
  readonly since: number
  /** Deliveries of the group that nobody answered in time, up to when it was heard last. */
  readonly timeouts: number
}

/** What is known of its group. */
export interface GroupFacts {
  /** Messages that were delivered, whose visibility timeout is not over, and that are not answered. */
  readonly inFlight: number
  /** Deliveries that nobody answered in time, so far. */
  readonly timeouts: number
  /** Whether the active consumer waits for messages. */
  readonly waits: boolean
}

/** What a look at nats-server's connections gave. */
export interface Sighting {
  readonly presence: Presence
  /** Where it listens; of one that came back after it lost its connection, another than before. */
  readonly connection?: string
}

/**
 * Transitions of the active consumer of an Exclusive group:
 *
 *     none ──begin──▶ listening ⇄ connected ──▶ gone | unknown ──isOver──▶ none
 *                         └──────── silent, its deliveries timed out ────────┘
 *
 * A consumer holds what was delivered to it until it answers or the visibility timeout is over; only one whose connection is gone
 * holds nothing. So nobody else is served while something is in flight at one that may be there.
 */
export const begin = (consumer: Consumer, timeouts: number, now: number): Tenure => ({
  consumer,
  heardAt: now,
  presence: 'listening',
  since: now,
  timeouts,
})

/** It pulled, or answered. */
export const heard = (tenure: Tenure, timeouts: number, now: number): Tenure => ({ ...tenure, heardAt: now, timeouts })

/** The same consumer, under the inbox of its next fetch. */
export const moved = (tenure: Tenure, consumer: Consumer, timeouts: number, now: number): Tenure =>
  begin(consumer, timeouts, Math.max(now, tenure.heardAt))

export function looked(tenure: Tenure, { presence, connection }: Sighting, now: number): Tenure {
  const { consumer } = tenure
  const at = connection === undefined || connection === consumer.connection ? consumer : { ...consumer, connection }
  return { ...tenure, consumer: at, presence, since: presence === tenure.presence ? tenure.since : now }
}

/** A pull from another inbox of its connection, while nobody listens at its own: one who fetches again. */
export const continues = ({ consumer }: Tenure, pull: Consumer & { readonly inboxes: readonly string[] }): boolean =>
  pull.connection === consumer.connection && !pull.inboxes.includes(consumer.inbox)

/** It is there, and lets messages time out without a word: it is given no more of them. */
export const isSuspended = (tenure: Tenure, timeouts: number, failoverMs: number, now: number): boolean =>
  timeouts > tenure.timeouts && now - tenure.heardAt >= failoverMs

/** Another may take its place. */
export function isOver(tenure: Tenure, facts: GroupFacts, failoverMs: number, now: number): boolean {
  const { presence, since, heardAt } = tenure
  const isSilent = now - heardAt >= failoverMs
  switch (presence) {
    case 'listening':
      return facts.inFlight === 0 && isSilent && (!facts.waits || isSuspended(tenure, facts.timeouts, failoverMs, now))
    case 'connected':
      return facts.inFlight === 0 && isSilent
    case 'gone':
      return facts.inFlight === 0 || now - since >= failoverMs
    case 'unknown':
      return facts.inFlight === 0 && now - since >= failoverMs
    default:
      return presence satisfies never
  }
}
