/** Numbers in [0, 1) that a seed gives, the same each time (mulberry32, Tommy Ettinger, public domain). */
export type Random = () => number

export function randomOf(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Each with as many chances as its weight says. */
export function pick<T>(random: Random, choices: ReadonlyArray<readonly [weight: number, choice: T]>): T {
  const total = choices.reduce((sum, [weight]) => sum + weight, 0)
  let left = random() * total
  for (const [weight, choice] of choices) {
    left -= weight
    if (left < 0) return choice
  }
  const last = choices.at(-1)
  if (last === undefined) throw new Error('there is nothing to pick')
  return last[1]
}

/** A source of numbers for each who draws: what one of them gets must not depend on when the others draw. */
export function seedsFrom(seed: number): () => Random {
  let next = seed
  return () => randomOf(next++)
}
