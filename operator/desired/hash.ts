import { createHash, createHmac } from 'node:crypto'
import { GROUP } from '../../crds/index.ts'

/** On each object: the hash of what was applied. Equal, and yet the object differs: somebody else changed it. */
export const APPLIED_HASH = `${GROUP}/applied-hash`
/** On the pod template: the hash of what the pod reads beside its own spec, since nothing else makes it restart for that. */
export const INPUTS_HASH = `${GROUP}/inputs-hash`

const LENGTH = 32

/** A hash of any JSON value; the order of keys does not matter, nor do keys that are undefined. */
export const hashOf = (value: unknown): string =>
  createHash('sha256').update(canonical(value)).digest('hex').slice(0, LENGTH)

/**
 * A hash that tells nothing about weak secrets among `values` to those who may read StatefulSets but not Secrets, since its key is
 * as secret.
 */
export const secretHashOf = (key: string, value: unknown): string =>
  createHmac('sha256', key).update(canonical(value)).digest('hex').slice(0, LENGTH)

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  )
}
