/** Powers of ten of the decimal suffixes; `Ki` and its like are powers of two. */
const decimal: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 }
const binary: Readonly<Record<string, bigint>> = {
  Ki: 2n ** 10n,
  Mi: 2n ** 20n,
  Gi: 2n ** 30n,
  Ti: 2n ** 40n,
  Pi: 2n ** 50n,
  Ei: 2n ** 60n,
}

/** The API server writes quantities its own way (`1024Mi` becomes `1Gi`, `0.5` becomes `500m`): the same amount is no difference. */
export function sameQuantity(a: string | number, b: string | number): boolean {
  const [left, right] = [nanos(String(a)), nanos(String(b))]
  return left === undefined || right === undefined ? String(a) === String(b) : left === right
}

/** In billionths, the smallest step that Kubernetes knows; what is finer is rounded up, as there. Undefined: not a quantity. */
function nanos(text: string): bigint | undefined {
  const match = /^([+-]?)([0-9]*)(?:\.([0-9]*))?(?:([eE][+-]?[0-9]+)|([KMGTPE]i)|([numkMGTPE]))?$/.exec(text)
  if (match === null) return undefined
  const [, sign, whole = '', fraction = '', exponent, two, ten = ''] = match
  if (whole === '' && fraction === '') return undefined
  const digits = BigInt(whole + fraction) * (two === undefined ? 1n : (binary[two] ?? 1n))
  const power = 9 - fraction.length + (exponent === undefined ? (decimal[ten] ?? 0) : Number(exponent.slice(1)))
  const scaled =
    power >= 0 ? digits * 10n ** BigInt(power) : (digits + 10n ** BigInt(-power) - 1n) / 10n ** BigInt(-power)
  return sign === '-' ? -scaled : scaled
}
