import type { Condition } from '../../crds/index.ts'

/** What is known about one condition: all of it but when it began. */
export type Fact = Pick<Condition, 'status' | 'reason' | 'message'>

export const isTrue = (reason: string, message: string): Fact => ({ status: 'True', reason, message })
export const isFalse = (reason: string, message: string): Fact => ({ status: 'False', reason, message })
export const isUnknown = (reason: string, message: string): Fact => ({ status: 'Unknown', reason, message })

export const conditionOf = (conditions: readonly Condition[] | undefined, type: string): Condition | undefined =>
  conditions?.find((condition) => condition.type === type)

/** What a condition said before, if it was found for the same generation. */
export function factFor(
  conditions: readonly Condition[] | undefined,
  type: string,
  generation: number,
): Fact | undefined {
  const condition = conditionOf(conditions, type)
  if (condition === undefined || condition.observedGeneration !== generation) return undefined
  return { status: condition.status, reason: condition.reason, message: condition.message }
}

/**
 * The facts as conditions, in the order given; undefined ones are left out. `lastTransitionTime` is kept while the status stays what it
 * was, so that a condition that says the same is the same.
 */
export function conditionsOf(
  facts: Readonly<Record<string, Fact | undefined>>,
  previous: readonly Condition[] | undefined,
  generation: number,
  now: Date,
): Condition[] {
  return Object.entries(facts).flatMap(([type, fact]) => {
    if (fact === undefined) return []
    const before = conditionOf(previous, type)
    const lastTransitionTime =
      before !== undefined && before.status === fact.status ? before.lastTransitionTime : timeOf(now)
    return [{ type, ...fact, observedGeneration: generation, lastTransitionTime }]
  })
}

/** metav1.Time: whole seconds. */
const timeOf = (date: Date): string => date.toISOString().replace(/\.[0-9]+Z$/, 'Z')
