import { ApiError, type StatusBody } from './errors.ts'
import type { KubeClient, ListOptions } from './client.ts'
import type { KubeObject } from './object.ts'
import type { Resource } from './resources.ts'

export type WatchEvent<T> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string }

/** The API server sends a bookmark a minute, so two minutes of silence mean a connection that is no longer one. */
const SILENCE_MS = 150_000

/**
 * One watch, until the API server ends it (after `timeoutSeconds`), `signal` is aborted, or it breaks.
 * @throws ApiError (410: `resourceVersion` is too old), UnreachableError
 */
export async function* watch<T extends KubeObject>(
  client: KubeClient,
  kind: Resource<T>,
  options: ListOptions & { resourceVersion: string; timeoutSeconds: number; signal: AbortSignal },
): AsyncIterable<WatchEvent<T>> {
  const response = await client.openWatch(kind, { ...options, silenceMs: SILENCE_MS })
  for await (const line of lines(response.chunks())) {
    const { type, object }: { type: string; object: T & StatusBody } = JSON.parse(line)
    switch (type) {
      case 'ADDED':
      case 'MODIFIED':
      case 'DELETED':
        yield { type, object }
        break
      case 'BOOKMARK':
        yield { type, resourceVersion: object.metadata.resourceVersion ?? options.resourceVersion }
        break
      default:
        throw new ApiError({ method: 'WATCH', path: kind.plural }, object.code ?? 500, object)
    }
  }
}

export async function* lines(chunks: AsyncIterable<Uint8Array>): AsyncIterable<string> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of chunks) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = parts.pop() ?? ''
    for (const part of parts) if (part !== '') yield part
  }
  // What is left without its line end was cut off: the watch broke in the middle of it.
}
