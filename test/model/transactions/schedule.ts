import * as fc from 'fast-check'

/** What may happen. `random` says to which transaction, node or message. */
export type Kind =
  | 'begin'
  | 'prepare'
  | 'prepareAndCommit'
  | 'commit'
  | 'abort'
  | 'deliver'
  | 'duplicate'
  | 'lose'
  | 'tick'
  | 'wait'
  /** For a moment nothing fails but what is doomed. */
  | 'calm'
  /** The node's next step ends somewhere in its middle. */
  | 'doom'
  | 'crash'

export interface Step {
  readonly kind: Kind
  readonly random: number
}

const of = (kind: Kind, weight: number): { weight: number; arbitrary: fc.Arbitrary<Kind> } => ({
  weight,
  arbitrary: fc.constant(kind),
})

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.oneof(
    of('begin', 8),
    of('prepare', 10),
    of('prepareAndCommit', 10),
    of('commit', 10),
    of('abort', 3),
    of('deliver', 60),
    of('duplicate', 8),
    of('lose', 6),
    of('tick', 14),
    of('wait', 4),
    of('calm', 10),
    of('doom', 12),
    of('crash', 6),
  ),
  random: fc.nat(9999),
})

/** Who takes part, and what the producer does when it is asked. */
export interface Setting {
  readonly participants: number
  readonly checksBack: boolean
}

export const settings: fc.Arbitrary<Setting> = fc.record({
  participants: fc.integer({ min: 1, max: 3 }),
  checksBack: fc.boolean(),
})

export const schedules = (length: number): fc.Arbitrary<Step[]> =>
  fc.array(step, { minLength: 8, maxLength: length, size: 'max' })
