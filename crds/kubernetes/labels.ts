import { z } from 'zod'
import { limitedRecord } from '../schema/fields.ts'
import { documented, type Rule } from '../schema/rule.ts'

const namePart = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/
const prefixPart = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/

/** The key of a label or annotation: a name of at most 63 characters, with a DNS name and a slash before it or not. */
export function isQualifiedName(key: string): boolean {
  const parts = key.split('/')
  const name = parts.at(-1) ?? ''
  const prefix = parts.length > 1 ? parts[0] : undefined
  return (
    parts.length <= 2 &&
    name.length <= 63 &&
    namePart.test(name) &&
    (prefix === undefined || (prefix.length <= 253 && prefixPart.test(prefix)))
  )
}

function isLabelValue(value: string): boolean {
  return value === '' || (value.length <= 63 && namePart.test(value))
}

const keysRule: Rule<Record<string, string>> = {
  cel: 'self.all(key, !format.qualifiedName().validate(key).hasValue())',
  message:
    "each key must be a name of at most 63 letters, digits, '-', '_' and '.', such as team or example.com/team, that begins and ends with a letter or digit",
  holds: (self) => Object.keys(self).every(isQualifiedName),
}

const valuesRule: Rule<Record<string, string>> = {
  cel: 'self.all(key, !format.labelValue().validate(self[key]).hasValue())',
  message:
    "each value must be empty or at most 63 letters, digits, '-', '_' and '.', and begin and end with a letter or digit",
  holds: (self) => Object.values(self).every(isLabelValue),
}

/** Labels of an object or of a node. */
export function labels(description: string, rules: readonly Rule<Record<string, string>>[] = []) {
  return documented(limitedRecord(z.string().max(63, { abort: true }), 64), {
    description,
    rules: [keysRule, valuesRule, ...rules],
  })
}

export function annotations(description: string) {
  return documented(limitedRecord(z.string().max(65_536), 64), { description, rules: [keysRule] })
}
