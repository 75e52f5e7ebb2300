import { coordinate, type CoordinatorEvent } from '../../../sidecar/transactions/coordinator.ts'
import { participate } from '../../../sidecar/transactions/participant.ts'
import type { Protocol } from './world.ts'

/** A protocol with a fault in it, and what it breaks. */
export interface Mutant {
  readonly name: string
  readonly protocol: Protocol
  /** What the check has to say of it. */
  readonly breaks: RegExp
}

const ofEvent = (event: CoordinatorEvent, ...kinds: ReadonlyArray<CoordinatorEvent['kind']>): boolean =>
  kinds.includes(event.kind)

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'the decision is sent before it is written',
    protocol: {
      coordinate: (state, event, now) => {
        const step = coordinate(state, event, now)
        return step.state?.phase === 'committing' ? { ...step, write: false } : step
      },
    },
    breaks: /are seen at .*, and it is/,
  },
  {
    name: 'one vote is taken for all',
    protocol: {
      coordinate: (state, event, now) =>
        state?.phase === 'preparing' && event.kind === 'vote' && event.yes
          ? coordinate({ ...state, yes: state.participants }, event, now)
          : coordinate(state, event, now),
    },
    breaks: /is forgotten|are lost|not prepared at/,
  },
  {
    name: 'it is over when the first participant is done',
    protocol: {
      coordinate: (state, event, now) =>
        state?.phase === 'committing' && event.kind === 'done'
          ? {
              state: { phase: 'committed', participants: state.participants, givenUp: [] },
              write: true,
              send: [],
              checkBack: false,
            }
          : state?.phase === 'committed'
            ? { state: undefined, write: false, send: [], checkBack: false }
            : coordinate(state, event, now),
    },
    breaks: /is forgotten|are lost|not prepared at/,
  },
  {
    name: 'an abort of what was prepared is not written',
    protocol: {
      coordinate: (state, event, now) => {
        const step = coordinate(state, event, now)
        return state?.phase === 'prepared' && step.state?.phase === 'aborted' ? { ...step, write: false } : step
      },
    },
    breaks: /is aborted at .*, and prepared|was told to be aborted/,
  },
  {
    name: 'commit is not sent again, and who asks is not answered',
    protocol: {
      coordinate: (state, event, now) =>
        state?.phase === 'committing' && ofEvent(event, 'tick', 'restart', 'ask', 'vote')
          ? { state, write: false, send: [], checkBack: false }
          : coordinate(state, event, now),
    },
    breaks: /is forgotten/,
  },
  {
    name: 'past the last check-back it is taken for aborted',
    protocol: {
      coordinate: (state, event, now) => {
        const step = coordinate(state, event, now)
        return step.state?.phase === 'inDoubt'
          ? coordinate(step.state, { kind: 'abort', reason: 'guessed' }, now)
          : step
      },
    },
    breaks: /without a word of its producer/,
  },
  {
    name: 'past the last check-back it is taken for committed',
    protocol: {
      coordinate: (state, event, now) => {
        const step = coordinate(state, event, now)
        return step.state?.phase === 'inDoubt' ? coordinate(step.state, { kind: 'commit' }, now) : step
      },
    },
    breaks: /nobody asked for it/,
  },
  {
    name: 'a transaction is begun without a record, so that its id may be used twice',
    protocol: {
      coordinate: (state, event, now) => {
        const step = coordinate(state, event, now)
        return step.state?.phase === 'open' ? { ...step, write: false } : step
      },
    },
    breaks: /./,
  },
  {
    name: 'a participant votes before it has written that it is prepared',
    protocol: {
      participate: (state, event) => {
        const step = participate(state, event)
        return step.state?.phase === 'prepared' ? { ...step, write: false } : step
      },
    },
    breaks: /is forgotten|are lost|not prepared at/,
  },
  {
    name: 'a participant gives up when it hears nothing',
    protocol: {
      participate: (state, event) =>
        state?.phase === 'prepared' && event.kind === 'tick'
          ? participate(state, { kind: 'abort' })
          : participate(state, event),
    },
    breaks: /is aborted at/,
  },
  {
    name: 'a participant forgets what has ended',
    protocol: {
      participate: (state, event) => participate(state?.phase === 'committed' ? undefined : state, event),
    },
    breaks: /there twice|is acknowledged by|is forgotten/,
  },
  {
    name: 'a participant carries out what it is asked to prepare',
    protocol: {
      participate: (state, event) =>
        state === undefined && event.kind === 'staged'
          ? { ...participate({ phase: 'prepared' }, { kind: 'commit', after: {} }), say: { kind: 'vote', yes: true } }
          : participate(state, event),
    },
    breaks: /are seen at/,
  },
  {
    name: 'a participant says that it is done before it is',
    protocol: {
      participate: (state, event) => {
        const step = participate(state, event)
        return state?.phase === 'prepared' && event.kind === 'commit'
          ? { ...step, action: undefined, say: { kind: 'done' } }
          : state?.phase === 'committing' && event.kind !== 'carriedOut'
            ? { ...step, action: undefined }
            : step
      },
    },
    breaks: /is forgotten|are lost|not prepared at/,
  },
  {
    name: 'it is not looked whether the sends are there already',
    protocol: { looks: false },
    breaks: /there twice/,
  },
]
