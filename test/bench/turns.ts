import type { Side } from './sides/side.ts'

interface Named {
  readonly name: Side['name']
}

/**
 * Measures both sides so often. What comes second may find the machine warmer or busier, so they take turns at that too.
 *
 * @param told after each, the run from 1 on
 */
export async function inTurns<S extends Named, T>(
  [ours, raw]: readonly [ours: S, raw: S],
  runs: number,
  measure: (side: S) => Promise<T>,
  told: (measured: T, run: number, side: S) => void,
): Promise<Record<Side['name'], T[]>> {
  const measured: Record<Side['name'], T[]> = { ours: [], raw: [] }
  for (let run = 0; run < runs; run++) {
    for (const side of run % 2 === 0 ? [ours, raw] : [raw, ours]) {
      const one = await measure(side)
      measured[side.name].push(one)
      told(one, run + 1, side)
    }
  }
  return measured
}
