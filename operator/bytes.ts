import { parseQuantity } from '../crds/index.ts'

/** Bytes of a size that others wrote; undefined where there is none, or one in a form that we do not write (`1e10`). */
export function bytesOf(text: string | undefined): number | undefined {
  try {
    return text === undefined ? undefined : parseQuantity(text)
  } catch {
    return undefined
  }
}
