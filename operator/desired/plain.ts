/** A value without the keys that are undefined: what JSON makes of it. */
export type Plain<T> = T extends readonly (infer Item)[]
  ? Plain<Item>[]
  : T extends object
    ? { [K in keyof T]: Plain<Exclude<T[K], undefined>> }
    : T

export function plain<T>(value: T): Plain<T> {
  const copy: Plain<T> = JSON.parse(JSON.stringify(value))
  return copy
}
