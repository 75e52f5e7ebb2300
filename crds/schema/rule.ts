import type { z } from 'zod'

/**
 * What the API server checks in CEL and everything else by `holds`: the same rule twice, side by side. A test sends the same
 * manifests through both.
 */
export type Rule<T> = {
  /** True when the value is good; `self` is the value that the rule is attached to, with defaults filled in. */
  cel: string
  /** For the person who wrote the manifest: names the field and says what to do. */
  message: string
  /** The field to blame, relative to the value that the rule is attached to. */
  field?: string
  holds(self: T): boolean
  /** The schema foresees it and no code does it yet. */
  notImplemented?: true
}

/** A rule on a change: CEL's `oldSelf` is what is stored. */
export type TransitionRule<T> = Omit<Rule<T>, 'holds' | 'notImplemented'> & { holds(self: T, oldSelf: T): boolean }

/** Marks the zod issue of a rule that refuses what is not implemented yet. */
export const notImplementedMark = { notImplemented: true } as const

type Validation = { rule: string; message: string; fieldPath?: string; reason?: string }

function validation(rule: Omit<Rule<never>, 'holds'>): Validation {
  return {
    rule: rule.cel,
    message: rule.message,
    ...(rule.field === undefined ? {} : { fieldPath: `.${rule.field}` }),
  }
}

export type RuleOptions<T> = {
  description: string
  rules?: readonly Rule<T>[]
  transitions?: readonly TransitionRule<T>[]
  /** Other keys for the CRD's schema, such as `x-kubernetes-list-type`. */
  extensions?: Readonly<Record<string, unknown>>
}

/** The schema with its documentation and its rules, both as zod refinements and as CEL for the CRD. */
export function documented<S extends z.ZodType>(schema: S, options: RuleOptions<z.output<S>>): S {
  const { rules = [], transitions = [], description, extensions = {} } = options
  const checked =
    rules.length === 0
      ? schema
      : schema.superRefine((value, context) => {
          for (const rule of rules) {
            if (rule.holds(value)) continue
            context.addIssue({
              code: 'custom',
              message: rule.message,
              path: rule.field?.split('.') ?? [],
              ...(rule.notImplemented === true ? { params: notImplementedMark } : {}),
            })
          }
        })
  const validations = [...rules, ...transitions].map(validation)
  return checked.meta({
    ...schema.meta(),
    description,
    ...(validations.length === 0 ? {} : { 'x-kubernetes-validations': validations }),
    ...extensions,
  })
}
