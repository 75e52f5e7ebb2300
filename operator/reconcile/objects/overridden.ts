import type { ObjectKey } from '../../kube/object.ts'

/**
 * Fields that were different again in the very answer to our write: an admission webhook sets them, or the API server writes them in
 * a form that is unknown to us. To write them once more would change nothing, at every resync, for ever; so that it happened is
 * remembered until what we want changes.
 */
export class Overridden {
  readonly #known = new Map<string, string>()

  /** Whether exactly these fields differed after the last write of the same. */
  has(kind: string, key: ObjectKey, hash: string, fields: readonly string[]): boolean {
    return this.#known.get(`${kind}/${key}`) === shown(hash, fields)
  }

  note(kind: string, key: ObjectKey, hash: string, fields: readonly string[]): void {
    if (fields.length === 0) this.#known.delete(`${kind}/${key}`)
    else this.#known.set(`${kind}/${key}`, shown(hash, fields))
  }
}

const shown = (hash: string, fields: readonly string[]): string => `${hash} ${fields.join(' ')}`
