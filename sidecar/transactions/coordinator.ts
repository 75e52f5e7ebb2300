import { type Answer, type Asking, type CheckBack, firstAsk, nextAsk } from './check-back.ts'

/**
 * The coordinator of a transaction: who was asked to begin it, and decides. Pure; `participant.ts` has the other side.
 *
 * ```mermaid
 * stateDiagram-v2
 *   [*] --> open: begin
 *   open --> preparing: prepare
 *   preparing --> prepared: every vote is yes
 *   preparing --> committing: every vote is yes, and the client has said commit
 *   prepared --> committing: commit, or the answer of a check-back
 *   prepared --> inDoubt: check-backs are used up
 *   inDoubt --> committing: commit
 *   inDoubt --> aborted: abort
 *   committing --> committed: every participant is done, or given up by hand
 *   open --> aborted: abort, timeout, restart
 *   preparing --> aborted: a vote is no, abort, timeout, restart
 *   prepared --> aborted: abort, the answer of a check-back, timeout without check-back
 * ```
 *
 * A step says what to write and what to send, and nothing may be sent before it is written. `preparing` alone is never written:
 * what is on record then is `open`, so that a crash aborts it. That is presumed abort: a coordinator that knows nothing of a
 * transaction answers abort, and that is safe, since `open` is written before the first prepare, `committing` before the first commit,
 * and a transaction is forgotten only after every participant is done. An id is used once.
 */

interface Promised {
  /** The participants; all of them voted yes. */
  readonly participants: readonly string[]
}

export interface Prepared extends Promised, Asking {
  readonly phase: 'prepared' | 'inDoubt'
  /** When it is aborted, if nobody is to be asked. */
  readonly deadline: number
  readonly checkBack: CheckBack | undefined
}

interface Committing extends Promised {
  readonly done: readonly string[]
  /** Somebody decided not to wait for them any more: nobody knows whether their parts are carried out. */
  readonly givenUp: readonly string[]
}

/** Times are milliseconds since 1970. */
export type Coordinator =
  | { readonly phase: 'open'; readonly deadline: number; readonly checkBack: CheckBack | undefined }
  | (Promised & {
      readonly phase: 'preparing'
      readonly deadline: number
      readonly checkBack: CheckBack | undefined
      readonly yes: readonly string[]
      /** Whether the client has said commit already. */
      readonly commits: boolean
    })
  | Prepared
  | (Committing & { readonly phase: 'committing' })
  | (Promised & { readonly phase: 'committed'; readonly givenUp: readonly string[] })
  | { readonly phase: 'aborted'; readonly reason: string }

export type CoordinatorEvent =
  | { readonly kind: 'begin'; readonly deadline: number; readonly checkBack?: CheckBack | undefined }
  /** What the client asks for: to vote, and with `commits` to decide as soon as all have. */
  | { readonly kind: 'prepare'; readonly participants: readonly string[]; readonly commits: boolean }
  | { readonly kind: 'commit' }
  | { readonly kind: 'abort'; readonly reason: string }
  | { readonly kind: 'vote'; readonly from: string; readonly yes: boolean; readonly reason?: string | undefined }
  /** A participant that voted yes has heard no decision. */
  | { readonly kind: 'ask'; readonly from: string }
  | { readonly kind: 'done'; readonly from: string }
  /** Somebody decided not to wait for a participant any more, which is gone for good. */
  | { readonly kind: 'giveUp'; readonly participant: string }
  /** The answer of the producer that was asked. */
  | { readonly kind: 'checked'; readonly answer: Answer }
  | { readonly kind: 'tick' }
  | { readonly kind: 'restart' }

export type Order = 'prepare' | 'commit' | 'abort'

export interface CoordinatorStep {
  readonly state: Coordinator | undefined
  /** Whether the state has to be on record before anything is sent, or anybody is answered. */
  readonly write: boolean
  readonly send: ReadonlyArray<{ readonly to: string; readonly order: Order }>
  /** Whether the producer is to be asked now. */
  readonly checkBack: boolean
}

const TIMED_OUT = 'nothing was decided within its timeout'
export const RESTARTED = 'the sidecar was started anew before it was prepared'

/** What an event makes of a transaction. @param now milliseconds since 1970 */
export function coordinate(state: Coordinator | undefined, event: CoordinatorEvent, now: number): CoordinatorStep {
  if (state === undefined) {
    if (event.kind === 'begin') {
      return write({ phase: 'open', deadline: event.deadline, checkBack: event.checkBack })
    }
    // Presumed abort.
    if (event.kind === 'ask' || (event.kind === 'vote' && event.yes)) return stay(undefined, event.from, 'abort')
    return stay(undefined)
  }
  switch (state.phase) {
    case 'open':
      return open(state, event, now)
    case 'preparing':
      return preparing(state, event, now)
    case 'prepared':
    case 'inDoubt':
      return prepared(state, event, now)
    case 'committing':
      return committing(state, event)
    case 'committed':
      // Late: its participant knows that it is done, and does nothing.
      return event.kind === 'ask' ? stay(state, event.from, 'commit') : stay(state)
    case 'aborted':
      return event.kind === 'ask' || (event.kind === 'vote' && event.yes)
        ? stay(state, event.from, 'abort')
        : stay(state)
    default:
      return state satisfies never
  }
}

type In<P extends Coordinator['phase']> = Extract<Coordinator, { phase: P }>

function open(state: In<'open'>, event: CoordinatorEvent, now: number): CoordinatorStep {
  if (event.kind === 'prepare') {
    const { participants, commits } = event
    const { deadline, checkBack } = state
    return voted({ phase: 'preparing', deadline, checkBack, participants, commits, yes: [] }, now, 'prepare')
  }
  if (event.kind === 'abort') return abort([], event.reason)
  if (event.kind === 'restart') return abort([], RESTARTED)
  if (event.kind === 'tick' && now >= state.deadline) return abort([], TIMED_OUT)
  return stay(state)
}

function preparing(state: In<'preparing'>, event: CoordinatorEvent, now: number): CoordinatorStep {
  const { participants } = state
  switch (event.kind) {
    case 'commit':
      return stay({ ...state, commits: true })
    case 'abort':
      return abort(participants, event.reason)
    case 'vote':
      if (!event.yes) return abort(participants, event.reason ?? `${event.from} refused it`)
      return voted({ ...state, yes: union(state.yes, event.from) }, now)
    case 'ask':
      // Only who voted yes asks.
      return voted({ ...state, yes: union(state.yes, event.from) }, now)
    case 'tick':
      if (now >= state.deadline) return abort(participants, TIMED_OUT)
      return sends(state, without(participants, state.yes), 'prepare')
    case 'restart':
      return abort(participants, RESTARTED)
    case 'begin':
    case 'prepare':
    case 'checked':
    case 'done':
    case 'giveUp':
      return stay(state)
    default:
      return event satisfies never
  }
}

function voted(state: In<'preparing'>, now: number, order?: Order): CoordinatorStep {
  const { participants, yes, commits, deadline, checkBack } = state
  if (participants.some((name) => !yes.includes(name))) {
    return order === undefined ? stay(state) : sends(state, participants, order)
  }
  if (commits) return decideCommit(participants)
  return write({ phase: 'prepared', participants, deadline, checkBack, ...firstAsk(checkBack, now) })
}

function prepared(state: Prepared, event: CoordinatorEvent, now: number): CoordinatorStep {
  const { participants, checkBack } = state
  switch (event.kind) {
    case 'commit':
      return decideCommit(participants)
    case 'abort':
      return abort(participants, event.reason)
    case 'checked':
      if (event.answer === 'commit') return decideCommit(participants)
      if (event.answer === 'abort') return abort(participants, 'its producer answered abort when it was asked')
      return stay(state)
    case 'tick': {
      if (checkBack === undefined) return now >= state.deadline ? abort(participants, TIMED_OUT) : stay(state)
      if (state.phase === 'inDoubt') return stay(state)
      const asking = nextAsk(checkBack, state, now)
      if (asking === 'wait') return stay(state)
      if (asking === 'giveUp') return write({ ...state, phase: 'inDoubt' })
      return { ...write({ ...state, ...asking }), checkBack: true }
    }
    case 'begin':
    case 'prepare':
    case 'vote':
    case 'ask':
    case 'done':
    case 'giveUp':
    case 'restart':
      return stay(state)
    default:
      return event satisfies never
  }
}

function committing(state: In<'committing'>, event: CoordinatorEvent): CoordinatorStep {
  const { done, givenUp } = state
  switch (event.kind) {
    case 'done':
      // Nobody remembers for good that it is done: who was is not asked again after a restart.
      return done.includes(event.from) ? stay(state) : progressed({ ...state, done: [...done, event.from] })
    case 'giveUp':
      return waitsOn(state).includes(event.participant)
        ? progressed({ ...state, givenUp: [...givenUp, event.participant] })
        : stay(state)
    case 'vote':
    case 'ask':
      return event.kind === 'vote' && !event.yes ? stay(state) : stay(state, event.from, 'commit')
    case 'tick':
    case 'restart':
      return sends(state, waitsOn(state), 'commit')
    case 'begin':
    case 'prepare':
    case 'commit':
    case 'abort':
    case 'checked':
      return stay(state)
    default:
      return event satisfies never
  }
}

function progressed(state: In<'committing'>): CoordinatorStep {
  const { participants, done, givenUp } = state
  if (waitsOn(state).length > 0) return write(state)
  // Who was given up may have been done in the end.
  return write({ phase: 'committed', participants, givenUp: without(givenUp, done) })
}

/** Participants that are neither done nor given up. */
export const waitsOn = ({ participants, done, givenUp }: Committing): string[] =>
  without(participants, [...done, ...givenUp])

/** The decision: one record, by compare-and-set. */
const decideCommit = (participants: readonly string[]): CoordinatorStep => ({
  ...sends({ phase: 'committing', participants, done: [], givenUp: [] }, participants, 'commit'),
  write: true,
})

/** Participants that do not hear of it ask, and are told. */
const abort = (participants: readonly string[], reason: string): CoordinatorStep => ({
  ...sends({ phase: 'aborted', reason }, participants, 'abort'),
  write: true,
})

const stay = (state: Coordinator | undefined, to?: string, order?: Order): CoordinatorStep => ({
  state,
  write: false,
  send: to === undefined || order === undefined ? [] : [{ to, order }],
  checkBack: false,
})

const write = (state: Coordinator): CoordinatorStep => ({ ...stay(state), write: true })

const sends = (state: Coordinator, participants: readonly string[], order: Order): CoordinatorStep => ({
  ...stay(state),
  send: participants.map((to) => ({ to, order })),
})

const union = (names: readonly string[], name: string): readonly string[] =>
  names.includes(name) ? names : [...names, name]

const without = (names: readonly string[], others: readonly string[]): string[] =>
  names.filter((name) => !others.includes(name))
