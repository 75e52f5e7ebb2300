import type { Side } from './sides/side.ts'

interface Named {
  readonly name: Side['name']
}

/** Of one that is measured beside both sides, and keeps what it measured. @param run from 1 on */
export type Turn = (run: number) => Promise<void>

/**
 * Measures both sides, and others beside them, so often: each once in a run, one after the other, so that what else the machine does in a while falls
 * on all of them. What comes later may find the machine warmer or busier, so each run begins with another one.
 *
 * @param told after each of the two sides, the run from 1 on
 */
export async function inTurns<S extends Named, T>(
  sides: readonly [ours: S, raw: S],
  runs: number,
  measure: (side: S) => Promise<T>,
  told: (measured: T, run: number, side: S) => void,
  others: readonly Turn[] = [],
): Promise<Record<Side['name'], T[]>> {
  const measured: Record<Side['name'], T[]> = { ours: [], raw: [] }
  const turnOf =
    (side: S): Turn =>
    async (run) => {
      const one = await measure(side)
      measured[side.name].push(one)
      told(one, run, side)
    }
  const turns = [...sides.map(turnOf), ...others]
  for (let run = 1; run <= runs; run++) {
    for (const turn of beginningWith(turns, run - 1)) await turn(run)
  }
  return measured
}

/** In their order, round, from number `first` on. */
function beginningWith<T>(list: readonly T[], first: number): T[] {
  const at = first % list.length
  return [...list.slice(at), ...list.slice(0, at)]
}
