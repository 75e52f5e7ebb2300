/**
 * Durations as the Gateway API writes them (GEP-2257): one to four numbers of at most five digits, each with a unit
 * of h, m, s or ms, added up. `500ms`, `30s`, `1h30m`, `168h`.
 */

/** Accepted by RE2 (in CEL) and JavaScript alike. */
export const DURATION_PATTERN = '^([0-9]{1,5}(h|m|s|ms)){1,4}$'
/** Characters in the longest text that the pattern takes: four times five digits and `ms`. */
export const DURATION_MAX_LENGTH = 28

const wellFormed = new RegExp(DURATION_PATTERN)
const units = [
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
] as const
const unitMs: ReadonlyMap<string, number> = new Map(units)
const maxPartValue = 99_999

export function isDuration(text: string): boolean {
  return wellFormed.test(text)
}

/**
 * Milliseconds of a duration.
 * @throws RangeError when the text is not a GEP-2257 duration.
 */
export function parseDuration(text: string): number {
  if (!isDuration(text)) {
    throw new RangeError(`${JSON.stringify(text)} is not a duration; write it like 500ms, 30s, 5m, 1h30m or 168h`)
  }
  let total = 0
  for (const [, digits, unit] of text.matchAll(/([0-9]+)(ms|h|m|s)/g)) {
    total += Number(digits) * (unitMs.get(unit ?? '') ?? 0)
  }
  return total
}

/**
 * The duration of so many milliseconds, in the biggest units that fit: 5400000 is `1h30m`.
 * @throws RangeError when it is negative, not whole, or 100000 hours or more.
 */
export function formatDuration(ms: number): string {
  if (!Number.isSafeInteger(ms) || ms < 0) {
    throw new RangeError(`${ms} is not a duration: it has to be a whole number of milliseconds, 0 or more`)
  }
  let rest = ms
  let text = ''
  for (const [unit, size] of units) {
    const count = Math.floor(rest / size)
    rest -= count * size
    if (count > maxPartValue)
      throw new RangeError(`${ms} ms is too long for a duration; the longest is 99999h59m59s999ms`)
    if (count > 0) text += `${count}${unit}`
  }
  return text === '' ? '0s' : text
}
