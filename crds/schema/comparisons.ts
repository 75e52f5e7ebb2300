import { DURATION_PATTERN, isDuration, parseDuration } from '../values/duration.ts'
import { compareSizes, isSize, SIZE_PATTERN, sizesFit } from '../values/quantity.ts'
import type { Rule } from './rule.ts'

/**
 * Rules on two durations or sizes. A malformed one is let through: a rule of its own has told it already, and comparing it would
 * be an error that says nothing more.
 */
type Comparison<T> = {
  /** CEL expressions of the two texts. */
  cel: { atMost: string; self: string }
  /** The same two texts. */
  of: (self: T) => { atMost: string; self: string }
  message: string
  field: string
}

/** CEL: true when any of these texts does not match. */
export function anyMalformed(pattern: string, ...expressions: string[]): string {
  return expressions.map((expression) => `!${expression}.matches('${pattern}')`).join(' || ')
}

/** CEL: the size `a` is at most the size `b`. */
export function sizeAtMost(a: string, b: string): string {
  return `quantity(${a}).compareTo(quantity(${b})) <= 0`
}

/** A rule that the duration `self` is at most the duration `atMost`. */
export function durationAtMost<T>({ cel, of, message, field }: Comparison<T>): Rule<T> {
  return {
    cel: `${anyMalformed(DURATION_PATTERN, cel.self, cel.atMost)} || duration(${cel.self}) <= duration(${cel.atMost})`,
    message,
    field,
    holds: (value) => {
      const { self, atMost } = of(value)
      return !isDuration(self) || !isDuration(atMost) || parseDuration(self) <= parseDuration(atMost)
    },
  }
}

/** A rule that the size `self` is at most the size `atMost`. */
export function sizeAtMostRule<T>({ cel, of, message, field }: Comparison<T>): Rule<T> {
  return {
    cel: `${anyMalformed(SIZE_PATTERN, cel.self, cel.atMost)} || ${sizeAtMost(cel.self, cel.atMost)}`,
    message,
    field,
    holds: (value) => {
      const { self, atMost } = of(value)
      return !isSize(self) || !isSize(atMost) || compareSizes(self, atMost) <= 0
    },
  }
}

/** CEL: the sizes add up to at most so many percent of a limit, in doubles, which are exact to a byte up to 90 Ti. */
export function sumAtMostShare(sizes: readonly string[], percent: number, limit: string): string {
  const bytes = (size: string) => `quantity(${size}).asApproximateFloat()`
  const sum = sizes.map(bytes).join(' + ')
  return `${anyMalformed(SIZE_PATTERN, ...sizes, limit)} || (${sum}) * 100.0 <= ${bytes(limit)} * ${percent}.0`
}

export function isSumAtMostShare(sizes: readonly string[], percent: number, limit: string): boolean {
  return ![...sizes, limit].every(isSize) || sizesFit(sizes, percent, limit)
}
