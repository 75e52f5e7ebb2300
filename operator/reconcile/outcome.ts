/**
 * How a step ended, by what the loop does next:
 * - `done`: go on with the next step.
 * - `waiting`: something else has to happen first, and a watch or the next resync will tell.
 * - `stalled`: somebody has to change something; trying again sooner than the next resync is of no use.
 * - `retry`: it failed in a way that another try may mend; it comes after a backoff.
 * What is not foreseen is thrown, and tried again too.
 */
export type Outcome =
  | { readonly kind: 'done' }
  | { readonly kind: 'waiting' | 'stalled'; readonly reason: string; readonly message: string }
  | { readonly kind: 'retry'; readonly reason: string; readonly message: string; readonly error: unknown }

/** Everything but `done`. */
export type Halt = Exclude<Outcome, { kind: 'done' }>

export const done: Outcome = { kind: 'done' }
export const waiting = (reason: string, message: string): Halt => ({ kind: 'waiting', reason, message })
export const stalled = (reason: string, message: string): Halt => ({ kind: 'stalled', reason, message })
export const retry = (reason: string, message: string, error: unknown): Halt => ({
  kind: 'retry',
  reason,
  message,
  error,
})

/** A named step: `run` does its part and notes what it found in the state. */
export type Step<State> = { readonly name: string; readonly run: (state: State) => Promise<Outcome> }
/** Where the steps stopped and why; undefined: all are done. */
export type Stop = { readonly step: string; readonly halt: Halt } | undefined

export async function runSteps<State>(steps: readonly Step<State>[], state: State): Promise<Stop> {
  for (const { name, run } of steps) {
    const outcome = await run(state)
    if (outcome.kind !== 'done') return { step: name, halt: outcome }
  }
  return undefined
}
