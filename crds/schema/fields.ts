import { z } from 'zod'
import { DURATION_MAX_LENGTH, DURATION_PATTERN, isDuration, parseDuration } from '../values/duration.ts'
import { compareSizes, isSize, SIZE_MAX_LENGTH, SIZE_PATTERN } from '../values/quantity.ts'
import { sizeAtMost } from './comparisons.ts'
import { documented, type Rule } from './rule.ts'

type Range = { name: string; description: string; min: string; max: string }

/** A duration from `min` to `max`, both included. */
export function duration({ name, description, min, max }: Range) {
  const [minMs, maxMs] = [parseDuration(min), parseDuration(max)]
  return documented(z.string().max(DURATION_MAX_LENGTH, { abort: true }), {
    description: `${description} A duration from ${min} to ${max}, such as 500ms, 30s or 1h30m.`,
    rules: [
      {
        cel: `self.matches('${DURATION_PATTERN}') && duration(self) >= duration('${min}') && duration(self) <= duration('${max}')`,
        message: `${name} must be a duration from ${min} to ${max}, written like 500ms, 30s, 5m or 1h30m`,
        holds: (self) => isDuration(self) && parseDuration(self) >= minMs && parseDuration(self) <= maxMs,
      },
    ],
  })
}

/** A size from `min` to `max`, both included. */
export function size({ name, description, min, max }: Range) {
  return documented(z.string().max(SIZE_MAX_LENGTH, { abort: true }), {
    description: `${description} A quantity of bytes from ${min} to ${max}, such as 500Mi, 1Gi or 1.5Gi.`,
    rules: [
      {
        cel: `self.matches('${SIZE_PATTERN}') && ${sizeAtMost(`'${min}'`, 'self')} && ${sizeAtMost('self', `'${max}'`)}`,
        message: `${name} must be a size from ${min} to ${max}, written like 64Ki, 500Mi, 1Gi or 1.5Gi (in quotes if it is a bare number)`,
        holds: (self) => isSize(self) && compareSizes(min, self) <= 0 && compareSizes(self, max) <= 0,
      },
    ],
  })
}

/** A rule that refuses what the schema foresees and no code does yet. */
export function notImplemented<T>(rule: {
  cel: string
  what: string
  instead: string
  field?: string
  holds: Rule<T>['holds']
}): Rule<T> {
  const { what, instead, ...rest } = rule
  return { ...rest, notImplemented: true, message: `${what} is not implemented yet; ${instead}` }
}

/** A whole number from `min` to `max`, both included. */
export function whole(description: string, min: number, max: number) {
  return documented(z.int().min(min).max(max), {
    description,
    extensions: { format: max > 2 ** 31 - 1 ? 'int64' : 'int32' },
  })
}

/** One of a closed set of CamelCase words. */
export function choice<const T extends string>(
  description: string,
  values: readonly [T, ...T[]],
  rules: readonly Rule<T>[] = [],
) {
  return documented(z.enum(values), { description, rules })
}

/** An object of values by name, with at most `max` of them. */
export function limitedRecord<V extends z.ZodType>(value: V, max: number) {
  return z
    .record(z.string(), value)
    .superRefine((self, context) => {
      if (Object.keys(self).length <= max) return
      context.addIssue({
        code: 'too_big',
        origin: 'record',
        maximum: max,
        inclusive: true,
        input: self,
        continue: false,
      })
    })
    .meta({ maxProperties: max })
}
