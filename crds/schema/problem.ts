import type { z } from 'zod'
import type { StructuralSchema } from '../crd/structural-schema.ts'
import { notImplementedMark } from './rule.ts'

/** What is wrong with one field of a manifest. */
export type Problem = {
  /** Such as `spec.retry.maxAttempts` or `spec.consumerGroups[0].name`. */
  field: string
  /** What is allowed, and what to do. */
  message: string
  /** Set when the field is good by the schema, and no code does it yet. */
  notImplemented?: true
}

export type Parsed<T> = { ok: true; value: T } | { ok: false; problems: Problem[] }

type Issue = z.core.$ZodIssue

/** The path as kubectl writes it. */
export function fieldName(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`
    const key = String(part)
    return text === '' ? key : `${text}.${key}`
  }, '')
}

function shown(value: unknown): string {
  if (value === undefined) return 'missing'
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'an object'
  return JSON.stringify(value)
}

const kindsOfValue: Readonly<Record<string, string>> = {
  string: 'text (in quotes if it looks like a number)',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object of texts by name',
}

const countNouns: Readonly<Record<string, { one: string; many: string }>> = {
  string: { one: 'character', many: 'characters' },
  array: { one: 'entry', many: 'entries' },
  record: { one: 'entry', many: 'entries' },
}

function bound(issue: Extract<Issue, { code: 'too_small' | 'too_big' }>): string {
  const [word, limit] =
    issue.code === 'too_small' ? (['at least', issue.minimum] as const) : (['at most', issue.maximum] as const)
  const nouns = countNouns[issue.origin]
  if (nouns === undefined) return `must be ${word} ${limit}; it is ${shown(issue.input)}`
  return `must have ${word} ${limit} ${Number(limit) === 1 ? nouns.one : nouns.many}`
}

function messageOf(issue: Issue): string {
  if (issue.code === 'custom') return issue.message
  if (issue.code === 'too_small' || issue.code === 'too_big') return bound(issue)
  if (issue.code === 'invalid_value') {
    return `must be ${issue.values.map((value) => String(value)).join(' or ')}; it is ${shown(issue.input)}`
  }
  if (issue.code === 'invalid_type') {
    const expected = kindsOfValue[issue.expected] ?? issue.expected
    return issue.input === undefined ? `is required: ${expected}` : `must be ${expected}; it is ${shown(issue.input)}`
  }
  return `is not valid: ${issue.message}`
}

/** The field at a path, where the schema has it. */
function fieldAt(schema: StructuralSchema | undefined, path: readonly PropertyKey[]): StructuralSchema | undefined {
  return path.reduce<StructuralSchema | undefined>(
    (node, part) => (typeof part === 'number' ? node?.items : node?.properties?.[String(part)]),
    schema,
  )
}

/** The issues of zod as problems for people. `prefix` is what the parsed value is called, such as `spec`. */
export function problemsOf(error: z.ZodError, schema: StructuralSchema, prefix: readonly string[] = []): Problem[] {
  return error.issues.flatMap((issue) => {
    const path = [...prefix, ...issue.path]
    if (issue.code === 'unrecognized_keys') {
      const known = Object.keys(fieldAt(schema, issue.path)?.properties ?? {})
      const message = `is not a field; remove it, or write its right name: there are ${known.join(', ')}`
      return issue.keys.map((key) => ({ field: fieldName([...path, key]), message }))
    }
    const mark = issue.code === 'custom' && issue.params === notImplementedMark ? notImplementedMark : {}
    return [{ field: fieldName(path), message: messageOf(issue), ...mark }]
  })
}
