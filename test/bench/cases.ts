import type { BenchModeName } from './modes.ts'
import type { BenchOptions } from './options.ts'
import type { Durability } from './row.ts'

/** Each mode with each durability that is asked for. */
export const cases = ({ modes, durabilities }: BenchOptions): ReadonlyArray<readonly [BenchModeName, Durability]> =>
  modes.flatMap((mode) => durabilities.map((durability) => [mode, durability] as const))
