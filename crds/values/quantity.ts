/**
 * Sizes in bytes as Kubernetes quantities: a number with at most three decimals and a suffix of k M G T P (powers of 1000)
 * or Ki Mi Gi Ti Pi (powers of 1024). `500Mi`, `1Gi`, `1.5Gi`, `2G`. A subset of what Kubernetes takes: exponents, signs
 * and fractions of a byte (`100m`) make no sense for a size.
 */

/** Accepted by RE2 (in CEL) and JavaScript alike. */
export const SIZE_PATTERN = '^[0-9]{1,16}([.][0-9]{1,3})?(k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$'
/** Characters in the longest text that the pattern takes. */
export const SIZE_MAX_LENGTH = 22

/** Amounts of any resource: sizes, and `m` for thousandths (`100m` of a CPU). Accepted by RE2 and JavaScript alike. */
export const AMOUNT_PATTERN = '^[0-9]{1,16}([.][0-9]{1,3})?(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$'

const sizeForm = new RegExp(SIZE_PATTERN)
const amountForm = new RegExp(AMOUNT_PATTERN)
const suffixes: ReadonlyMap<string, bigint> = new Map([
  ['', 1n],
  ['k', 10n ** 3n],
  ['M', 10n ** 6n],
  ['G', 10n ** 9n],
  ['T', 10n ** 12n],
  ['P', 10n ** 15n],
  ['Ki', 2n ** 10n],
  ['Mi', 2n ** 20n],
  ['Gi', 2n ** 30n],
  ['Ti', 2n ** 40n],
  ['Pi', 2n ** 50n],
  ['E', 10n ** 18n],
  ['Ei', 2n ** 60n],
])

export function isSize(text: string): boolean {
  return sizeForm.test(text)
}

/** Millionths of what a well-formed text means; exact, since there are at most three decimals and `m` is a thousandth. */
function millionthsOf(text: string): bigint {
  const [, whole = '0', decimals = '', suffix = ''] = /^([0-9]+)(?:[.]([0-9]+))?([A-Za-z]*)$/.exec(text) ?? []
  const thousandths = BigInt(whole + decimals.padEnd(3, '0'))
  return suffix === 'm' ? thousandths : thousandths * 1000n * (suffixes.get(suffix) ?? 1n)
}

function millionthsOfSize(text: string): bigint {
  if (isSize(text)) return millionthsOf(text)
  throw new RangeError(`${JSON.stringify(text)} is not a size; write it like 64Ki, 500Mi, 1Gi or 1.5Gi`)
}

/**
 * Bytes of a size, rounded up to a whole byte as Kubernetes does.
 * @throws RangeError when the text is not a size, or is more than 2^53 bytes.
 */
export function parseQuantity(text: string): number {
  const bytes = Number((millionthsOfSize(text) + 999_999n) / 1_000_000n)
  if (!Number.isSafeInteger(bytes))
    throw new RangeError(`${JSON.stringify(text)} is too big a size; the biggest is 8Pi`)
  return bytes
}

/** Whether the sizes add up to no more than so many percent of `limit`; exact. Throws RangeError as parseQuantity. */
export function sizesFit(sizes: readonly string[], percent: number, limit: string): boolean {
  const sum = sizes.reduce((total, text) => total + millionthsOfSize(text), 0n)
  return sum * 100n <= millionthsOfSize(limit) * BigInt(percent)
}

/** Negative, zero or positive as `a` is less than, equal to or more than `b`; exact. Throws RangeError as parseQuantity. */
export function compareSizes(a: string, b: string): number {
  const difference = millionthsOfSize(a) - millionthsOfSize(b)
  return difference < 0n ? -1 : difference > 0n ? 1 : 0
}

export function isAmount(text: string): boolean {
  return amountForm.test(text)
}

/** Whether the amount `a` is at most the amount `b`; exact. Both have to be well-formed. */
export function amountAtMost(a: string, b: string): boolean {
  return millionthsOf(a) <= millionthsOf(b)
}
