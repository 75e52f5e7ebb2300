/** A field whose value is not the declared one. */
export interface Difference {
  readonly field: string
  readonly is: unknown
  readonly wanted: unknown
}

/** The fields of `wanted` in which `is` differs; fields that are not declared are the server's own business. */
export function differences(is: object, wanted: object, ignore: readonly string[] = []): Difference[] {
  const found: Difference[] = []
  for (const [field, value] of Object.entries(wanted)) {
    if (ignore.includes(field)) continue
    const current: unknown = Reflect.get(is, field)
    if (!same(current, value)) found.push({ field, is: current, wanted: value })
  }
  return found
}

export const describeDifferences = (list: readonly Difference[]): string =>
  list.map(({ field, is, wanted }) => `${field} was ${text(is)}, set back to ${text(wanted)}`).join('; ')

const text = (value: unknown): string => (value === undefined ? 'unset' : JSON.stringify(value))

function same(a: unknown, b: unknown): boolean {
  // nats-server leaves out what has its zero value.
  if (a === undefined) return b === undefined || b === false || b === 0 || (Array.isArray(b) && b.length === 0)
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((item, index) => same(item, b[index]))
  if (isRecord(a) && isRecord(b)) return differences(a, b).length === 0
  return a === b
}

const isRecord = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
