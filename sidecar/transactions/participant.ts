import type { Order } from './coordinator.ts'

/**
 * A participant of a transaction: a broker that owns Queues of it. Pure; `coordinator.ts` has the other side.
 *
 * ```mermaid
 * stateDiagram-v2
 *   [*] --> prepared: prepare, and the sends are staged and the acknowledgements held
 *   [*] --> [*]: prepare, and it has to be refused
 *   prepared --> committing: commit
 *   prepared --> aborted: abort
 *   committing --> committed: carried out
 * ```
 *
 * What a step asks for happens in this order: write, then do, then send. `prepared` is written before the vote, since from then on only the
 * coordinator decides. `committing` is written before anything is carried out, with what is needed to see later whether it was; carrying out
 * is repeated until it is known to be done, and does nothing the second time. An end is kept: a prepare that comes late must not begin it again.
 */
export type Participant =
  | { readonly phase: 'prepared' }
  /** `after`: the last sequence of each Queue's stream before it was carried out. */
  | { readonly phase: 'committing'; readonly after: Readonly<Record<string, number>> }
  | { readonly phase: 'committed' }
  | { readonly phase: 'aborted' }

export type ParticipantEvent =
  | { readonly kind: 'prepare' }
  /** What was asked for by `stage` came to an end. */
  | { readonly kind: 'staged' }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'commit'; readonly after: Readonly<Record<string, number>> }
  | { readonly kind: 'abort' }
  /** It is certain that some Queues have nothing of it yet, so that they need not keep what came in before. */
  | { readonly kind: 'marked'; readonly after: Readonly<Record<string, number>> }
  /** What was asked for by `carryOut` is done, and durable. */
  | { readonly kind: 'carriedOut' }
  | { readonly kind: 'tick' }
  | { readonly kind: 'restart' }

/** What a participant says to its coordinator. */
export type Word =
  | { readonly kind: 'vote'; readonly yes: boolean; readonly reason?: string }
  | { readonly kind: 'ask' }
  | { readonly kind: 'done' }

/** `stage`: check, stage the sends and hold the acknowledgements. `hold`: the latter again. `release`: give them back, clear the staging. */
export type Action = 'stage' | 'hold' | 'carryOut' | 'release'

export interface ParticipantStep {
  readonly state: Participant | undefined
  /** Whether the state has to be on record before anything else. */
  readonly write: boolean
  readonly action: Action | undefined
  readonly say: Word | undefined
}

/** What an event makes of a participant's part. */
export function participate(state: Participant | undefined, event: ParticipantEvent): ParticipantStep {
  switch (state?.phase) {
    case undefined:
      if (event.kind === 'prepare') return step(undefined, { action: 'stage' })
      if (event.kind === 'staged') return step({ phase: 'prepared' }, { write: true, say: { kind: 'vote', yes: true } })
      if (event.kind === 'refused') return step(undefined, { say: { kind: 'vote', yes: false, reason: event.reason } })
      // A commit cannot be: it comes after a vote, which is on record. Not answered, so that it is not taken for done.
      return step(undefined, {})
    case 'prepared':
      return prepared(state, event)
    case 'committing':
      if (event.kind === 'carriedOut') return step({ phase: 'committed' }, { write: true, say: { kind: 'done' } })
      if (event.kind === 'marked') return step({ phase: 'committing', after: event.after }, { write: true })
      if (event.kind === 'commit' || event.kind === 'tick' || event.kind === 'restart')
        return step(state, { action: 'carryOut' })
      return step(state, {})
    case 'committed':
      return step(state, event.kind === 'commit' || event.kind === 'prepare' ? { say: { kind: 'done' } } : {})
    case 'aborted':
      return step(
        state,
        event.kind === 'prepare' ? { say: { kind: 'vote', yes: false, reason: 'it was aborted before' } } : {},
      )
    default:
      return state satisfies never
  }
}

function prepared(state: Participant, event: ParticipantEvent): ParticipantStep {
  switch (event.kind) {
    case 'prepare':
      return step(state, { say: { kind: 'vote', yes: true } })
    case 'commit':
      return step({ phase: 'committing', after: event.after }, { write: true, action: 'carryOut' })
    case 'abort':
      return step({ phase: 'aborted' }, { write: true, action: 'release' })
    case 'tick':
      return step(state, { say: { kind: 'ask' } })
    case 'restart':
      return step(state, { action: 'hold', say: { kind: 'ask' } })
    case 'staged':
    case 'refused':
    case 'marked':
    case 'carriedOut':
      return step(state, {})
    default:
      return event satisfies never
  }
}

const step = (state: Participant | undefined, more: Partial<Omit<ParticipantStep, 'state'>>): ParticipantStep => ({
  state,
  write: false,
  action: undefined,
  say: undefined,
  ...more,
})

/** The event that an order of the coordinator is. @param after see `Participant`; looked up by who carries it out */
export const ordered = (order: Order, after: Readonly<Record<string, number>>): ParticipantEvent =>
  order === 'commit' ? { kind: 'commit', after } : { kind: order }
