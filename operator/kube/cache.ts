import { type KubeObject, keyOf, type ObjectKey, type ObjectName } from './object.ts'

/** What happened to one object. Neither side missing: it changed; `before` missing: new; `after` missing: gone. */
export type Change<T> = { readonly before: T | undefined; readonly after: T | undefined }

type Entry<T> = { readonly object: T; readonly scope: string; readonly writtenIn: number }

/** A namespace's (or, named '', the whole cluster's) part of the cache, fed by one watch. */
type Scope = { version: bigint; epoch: number }

/**
 * The objects of one kind as the watch last told them, plus what we wrote ourselves since: a reconcile that follows a write sees it
 * at once. Resource versions of one kind are integers that grow (KEP-5504), which tells older news from newer.
 */
export class ResourceCache<T extends KubeObject> {
  readonly #entries = new Map<ObjectKey, Entry<T>>()
  readonly #scopes = new Map<string, Scope>()
  readonly #listeners: ((change: Change<T>) => void)[] = []
  readonly #indexes = new Map<string, Map<string, Set<ObjectKey>>>()
  readonly #indexers: Readonly<Record<string, (object: T) => string | undefined>>

  /** @param indexers each gives the value under which `by` finds an object, or undefined */
  constructor(indexers: Readonly<Record<string, (object: T) => string | undefined>> = {}) {
    this.#indexers = indexers
    for (const name of Object.keys(indexers)) this.#indexes.set(name, new Map())
  }

  get size(): number {
    return this.#entries.size
  }

  onChange(listener: (change: Change<T>) => void): void {
    this.#listeners.push(listener)
  }

  get(at: ObjectName): T | undefined {
    return this.#entries.get(`${at.namespace}/${at.name}`)?.object
  }

  *values(): Iterable<T> {
    for (const { object } of this.#entries.values()) yield object
  }

  /** The objects whose indexer `index` gave `value`. */
  by(index: string, value: string): T[] {
    const keys = this.#indexes.get(index)?.get(value) ?? []
    return [...keys].flatMap((key) => this.#entries.get(key)?.object ?? [])
  }

  /** A list begins: what is written from now on may be newer than the list. */
  listing(scope: string): void {
    this.#scopeOf(scope).epoch += 1
  }

  /** The whole of a scope as a list found it at `resourceVersion`, which may be older than before if etcd was restored. */
  replace(scope: string, objects: readonly T[], resourceVersion: string): void {
    const state = this.#scopeOf(scope)
    state.version = BigInt(resourceVersion)
    const found = new Map(objects.map((object) => [keyOf(object), object]))
    for (const [key, entry] of this.#entries) {
      if (entry.scope !== scope) continue
      const newer = entry.writtenIn === state.epoch && versionOf(entry.object) > state.version
      if (newer) found.delete(key)
      else if (!found.has(key)) this.#remove(key)
    }
    for (const [key, object] of found) {
      const known = this.#entries.get(key)
      const same = known !== undefined && known.object.metadata.resourceVersion === object.metadata.resourceVersion
      if (!same) this.#set(key, { object: slim(object), scope, writtenIn: 0 })
    }
  }

  /** News from the watch of a scope. */
  watched(scope: string, type: 'ADDED' | 'MODIFIED' | 'DELETED', object: T): void {
    const version = versionOf(object)
    this.#scopeOf(scope).version = version
    const key = keyOf(object)
    const known = this.#entries.get(key)
    if (known !== undefined && versionOf(known.object) >= version) return
    if (type === 'DELETED') this.#remove(key)
    else this.#set(key, { object: slim(object), scope, writtenIn: 0 })
  }

  /** The watch has told everything up to here. */
  bookmark(scope: string, resourceVersion: string): void {
    this.#scopeOf(scope).version = BigInt(resourceVersion)
  }

  /** The answer to a write of ours. Older than what the watch has told, it is old news: the object may even be gone again. */
  wrote(object: T): void {
    const scope = this.#scopeFor(object)
    const state = this.#scopes.get(scope)
    if (state === undefined || versionOf(object) <= state.version) return
    const key = keyOf(object)
    const known = this.#entries.get(key)
    if (known !== undefined && versionOf(known.object) >= versionOf(object)) return
    this.#set(key, { object: slim(object), scope, writtenIn: state.epoch })
  }

  #scopeFor(object: T): string {
    const namespace = object.metadata.namespace ?? ''
    return this.#scopes.has(namespace) ? namespace : ''
  }

  #scopeOf(scope: string): Scope {
    let state = this.#scopes.get(scope)
    if (state === undefined) {
      state = { version: 0n, epoch: 0 }
      this.#scopes.set(scope, state)
    }
    return state
  }

  #set(key: ObjectKey, entry: Entry<T>): void {
    const before = this.#entries.get(key)?.object
    this.#unindex(key, before)
    this.#entries.set(key, entry)
    for (const [name, indexer] of Object.entries(this.#indexers)) {
      const value = indexer(entry.object)
      if (value === undefined) continue
      const index = this.#indexes.get(name)
      const keys = index?.get(value)
      if (keys === undefined) index?.set(value, new Set([key]))
      else keys.add(key)
    }
    this.#tell({ before, after: entry.object })
  }

  #remove(key: ObjectKey): void {
    const before = this.#entries.get(key)?.object
    if (before === undefined) return
    this.#unindex(key, before)
    this.#entries.delete(key)
    this.#tell({ before, after: undefined })
  }

  #unindex(key: ObjectKey, object: T | undefined): void {
    if (object === undefined) return
    for (const [name, indexer] of Object.entries(this.#indexers)) {
      const value = indexer(object)
      if (value === undefined) continue
      const index = this.#indexes.get(name)
      const keys = index?.get(value)
      keys?.delete(key)
      if (keys?.size === 0) index?.delete(value)
    }
  }

  #tell(change: Change<T>): void {
    for (const listener of this.#listeners) listener(change)
  }
}

const versionOf = (object: KubeObject): bigint => BigInt(object.metadata.resourceVersion ?? '0')

/** managedFields are a third of an object's size, and nobody here reads them. */
function slim<T extends KubeObject>(object: T): T {
  const { managedFields: _, ...metadata } = object.metadata as T['metadata'] & { managedFields?: unknown }
  return { ...object, metadata }
}
