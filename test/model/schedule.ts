import * as fc from 'fast-check'

/** What may happen to a queue. `random` says to which message, how many, how long: each kind reads it in its own way. */
export const KINDS = [
  'publish',
  'pull',
  'ack',
  'ackTold',
  'ackAll',
  'nak',
  'nakLater',
  'nakLong',
  'progress',
  'term',
  'drop',
  'wait',
  'waitLong',
  'waitOut',
  'vanish',
  'killSidecar',
  'stopSidecar',
  'killServer',
] as const

export type Kind = (typeof KINDS)[number]

export interface Step {
  readonly kind: Kind
  readonly random: number
}

const step = (kind: Kind, weight: number): { weight: number; arbitrary: fc.Arbitrary<Step> } => ({
  weight,
  arbitrary: fc.nat(9999).map((random): Step => ({ kind, random })),
})

/** @param crashes the weight of crashes beside 100 or so of the rest, and of what takes too long where time is real */
const steps = (crashes: number): fc.Arbitrary<Step> =>
  fc.oneof(
    step('publish', 26),
    step('pull', 20),
    step('ack', 16),
    step('ackTold', 6),
    step('ackAll', 4),
    step('nak', 6),
    step('nakLater', 4),
    step('nakLong', 4 * crashes),
    step('progress', 3),
    step('term', 3),
    step('drop', 3),
    step('wait', 12),
    step('waitLong', 4),
    step('waitOut', 2 * crashes),
    step('vanish', 2 * crashes),
    step('killSidecar', 2 * crashes),
    step('stopSidecar', crashes),
    step('killServer', 2 * crashes),
  )

export const schedules = (length: number, crashes: number): fc.Arbitrary<Step[]> =>
  fc.array(steps(crashes), { minLength: 1, maxLength: length })
