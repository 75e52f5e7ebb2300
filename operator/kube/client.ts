import { ApiError, isNotFound, type StatusBody } from './errors.ts'
import type { KubeObject, Meta, ObjectName } from './object.ts'
import { apiVersionOf, collectionPath, objectPath, type Resource } from './resources.ts'
import type { KubeRequest, KubeResponse, Transport } from './transport.ts'

/** Under this name the API server notes which fields are ours. */
export const FIELD_MANAGER = 'pillion-operator'

export type ListOptions = {
  readonly namespace?: string | undefined
  readonly labels?: string
  readonly fields?: string
}
export type Listed<T> = { readonly items: T[]; readonly resourceVersion: string }
export type DeleteOptions = {
  /** The delete fails with 409 when the object is another one by now. */
  readonly uid?: string | undefined
  readonly propagation?: 'Background' | 'Foreground' | 'Orphan'
}

const PAGE = 500

export type KubeClientOptions = {
  readonly transport: Transport
  /** Ends every request that is under way; undefined: nothing does. */
  readonly signal?: AbortSignal
  /** Called before each write; throws when we may not write any more. */
  readonly beforeWrite?: () => void
  /** Told of each request that failed. */
  readonly onError?: (error: unknown) => void
}

/** The verbs of the API server that the operator needs, on plain JSON objects. Every method throws ApiError or UnreachableError. */
export class KubeClient {
  readonly #options: KubeClientOptions

  constructor(options: KubeClientOptions) {
    this.#options = options
  }

  /** The same client, that stops when `signal` is aborted and asks `beforeWrite` before each write. */
  with(options: Pick<KubeClientOptions, 'signal' | 'beforeWrite'>): KubeClient {
    return new KubeClient({ ...this.#options, ...options })
  }

  async get<T extends KubeObject>(kind: Resource<T>, at: ObjectName): Promise<T> {
    return this.#json<T>({ method: 'GET', path: objectPath(kind, at) })
  }

  /** The object, or undefined when it is not there. */
  async find<T extends KubeObject>(kind: Resource<T>, at: ObjectName): Promise<T | undefined> {
    try {
      return await this.get(kind, at)
    } catch (error) {
      if (isNotFound(error)) return undefined
      throw error
    }
  }

  /** Everything that matches, read page by page. A 410 in the middle means that the list took too long: start again. */
  async list<T extends KubeObject>(kind: Resource<T>, options: ListOptions = {}): Promise<Listed<T>> {
    const items: T[] = []
    const named = { apiVersion: apiVersionOf(kind), kind: kind.kind }
    let next: string | undefined
    for (;;) {
      const page: { items: T[]; metadata: { resourceVersion: string; continue?: string } } = await this.#json({
        method: 'GET',
        path: collectionPath(kind, options.namespace),
        query: { limit: String(PAGE), ...selectors(options), ...(next === undefined ? {} : { continue: next }) },
      })
      // Items of a list come without their kind.
      for (const item of page.items) items.push({ ...named, ...item })
      next = page.metadata.continue
      if (next === undefined || next === '') return { items, resourceVersion: page.metadata.resourceVersion }
    }
  }

  /** Opens a watch; what comes is for `watch.ts` to read. */
  async openWatch<T extends KubeObject>(
    kind: Resource<T>,
    options: ListOptions & { resourceVersion: string; timeoutSeconds: number; silenceMs: number; signal: AbortSignal },
  ): Promise<KubeResponse> {
    return this.#send({
      method: 'GET',
      path: collectionPath(kind, options.namespace),
      query: {
        watch: 'true',
        allowWatchBookmarks: 'true',
        resourceVersion: options.resourceVersion,
        timeoutSeconds: String(options.timeoutSeconds),
        ...selectors(options),
      },
      silenceMs: options.silenceMs,
      signal: options.signal,
    })
  }

  /** @throws ApiError 409 AlreadyExists */
  async create<T extends KubeObject>(kind: Resource<T>, object: T): Promise<T> {
    return this.#write<T>({
      method: 'POST',
      path: collectionPath(kind, object.metadata.namespace),
      query: { fieldManager: FIELD_MANAGER },
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(object),
    })
  }

  /** Server-side apply: makes it, or brings the fields that are named to what is said; the others stay whoever's they are. */
  async apply<T extends KubeObject>(kind: Resource<T>, object: T): Promise<T> {
    return this.#apply(kind, locationOf(object), object, '')
  }

  /** Server-side apply of `status` alone. */
  async applyStatus<T extends KubeObject>(kind: Resource<T>, at: ObjectName, status: unknown): Promise<T> {
    return this.#apply(kind, at, { metadata: { ...at }, status }, '/status')
  }

  /** JSON merge patch. With `metadata.resourceVersion` in it, 409 Conflict when the object changed since. */
  async mergePatch<T extends KubeObject>(kind: Resource<T>, at: ObjectName, patch: object): Promise<T> {
    return this.#write<T>({
      method: 'PATCH',
      path: objectPath(kind, at),
      query: { fieldManager: FIELD_MANAGER },
      headers: { 'content-type': 'application/merge-patch+json' },
      body: JSON.stringify(patch),
    })
  }

  /** Puts the whole object. @throws ApiError 409 Conflict when `metadata.resourceVersion` is no longer the newest. */
  async replace<T extends KubeObject>(kind: Resource<T>, object: T, signal?: AbortSignal): Promise<T> {
    return this.#write<T>({
      method: 'PUT',
      path: objectPath(kind, locationOf(object)),
      query: { fieldManager: FIELD_MANAGER },
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(object),
      signal,
    })
  }

  /** Asks for the object to be deleted. False when it was gone already. @throws ApiError 409 when it has another uid. */
  async delete<T extends KubeObject>(kind: Resource<T>, at: ObjectName, options: DeleteOptions = {}): Promise<boolean> {
    try {
      await this.#write({
        method: 'DELETE',
        path: objectPath(kind, at),
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          kind: 'DeleteOptions',
          apiVersion: 'v1',
          propagationPolicy: options.propagation ?? 'Background',
          ...(options.uid === undefined ? {} : { preconditions: { uid: options.uid } }),
        }),
      })
      return true
    } catch (error) {
      if (isNotFound(error)) return false
      throw error
    }
  }

  /** Any request, its answer unread: what goes through the API server's proxy has errors of its own. */
  async proxy(request: KubeRequest): Promise<KubeResponse> {
    return this.#options.transport.send(this.#signalled(request))
  }

  async #apply<T extends KubeObject>(
    kind: Resource<T>,
    at: ObjectName,
    body: object,
    subresource: '' | '/status',
  ): Promise<T> {
    return this.#write<T>({
      method: 'PATCH',
      path: `${objectPath(kind, at)}${subresource}`,
      query: { fieldManager: FIELD_MANAGER, force: 'true' },
      headers: { 'content-type': 'application/apply-patch+yaml' },
      body: JSON.stringify({ apiVersion: apiVersionOf(kind), kind: kind.kind, ...body }),
    })
  }

  async #write<T>(request: KubeRequest): Promise<T> {
    this.#options.beforeWrite?.()
    return this.#json<T>(request)
  }

  async #json<T>(request: KubeRequest): Promise<T> {
    const response = await this.#send(request)
    const body: T = JSON.parse(await response.text())
    return body
  }

  /** A token that was renewed behind our back is no reason to fail: after a 401 it is read again and tried once more. */
  async #send(request: KubeRequest): Promise<KubeResponse> {
    const { transport, onError } = this.#options
    try {
      let response = await transport.send(this.#signalled(request))
      if (response.status === 401) {
        await response.text()
        transport.forgetCredentials()
        response = await transport.send(this.#signalled(request))
      }
      if (response.status < 300) return response
      throw new ApiError(request, response.status, parseStatus(await response.text()), retryAfterMs(response))
    } catch (error) {
      onError?.(error)
      throw error
    }
  }

  #signalled(request: KubeRequest): KubeRequest {
    const signals = [request.signal, this.#options.signal].filter((signal) => signal !== undefined)
    return signals.length === 0 ? request : { ...request, signal: AbortSignal.any(signals) }
  }
}

const locationOf = (object: { metadata: Meta }): ObjectName => ({
  namespace: object.metadata.namespace ?? '',
  name: object.metadata.name,
})

const selectors = ({ labels, fields }: ListOptions): Record<string, string> => ({
  ...(labels === undefined ? {} : { labelSelector: labels }),
  ...(fields === undefined ? {} : { fieldSelector: fields }),
})

function parseStatus(text: string): StatusBody {
  try {
    const body: StatusBody = JSON.parse(text)
    return body
  } catch {
    return { message: text.slice(0, 500) }
  }
}

function retryAfterMs(response: KubeResponse): number | undefined {
  const seconds = Number(response.header('retry-after'))
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : undefined
}
