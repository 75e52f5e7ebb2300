import { request as send } from 'undici'
import type { Credentials } from './credentials.ts'
import { UnreachableError } from './errors.ts'

export type KubeRequest = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly query?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly signal?: AbortSignal | undefined
  /** Longest silence before the connection is given up, in milliseconds; the default suits anything but a watch. */
  readonly silenceMs?: number
}

export type KubeResponse = {
  readonly status: number
  header(name: string): string | undefined
  text(): Promise<string>
  /** The body as it arrives. @throws UnreachableError when it breaks off. */
  chunks(): AsyncIterable<Uint8Array>
}

/** Sends one request to the API server and gives back whatever it answers; the place where tests put in faults. */
export interface Transport {
  /** @throws UnreachableError when there is no answer. */
  send(request: KubeRequest): Promise<KubeResponse>
  /** What was sent as credentials was refused: read them again before the next request. */
  forgetCredentials(): void
}

const SILENCE_MS = 30_000

export function httpTransport(credentials: Credentials): Transport {
  return {
    async send(request) {
      const { server, headers, dispatcher } = await credentials.access()
      const query = new URLSearchParams(request.query).toString()
      const silenceMs = request.silenceMs ?? SILENCE_MS
      try {
        const {
          statusCode,
          headers: answered,
          body,
        } = await send(`${server}${request.path}${query && `?${query}`}`, {
          method: request.method,
          headers: { accept: 'application/json', 'user-agent': 'pillion-operator', ...headers, ...request.headers },
          body: request.body ?? null,
          headersTimeout: SILENCE_MS,
          bodyTimeout: silenceMs,
          ...(request.signal === undefined ? {} : { signal: request.signal }),
          dispatcher,
        })
        return {
          status: statusCode,
          header: (name) => {
            const value = answered[name]
            return Array.isArray(value) ? value[0] : value
          },
          text: () => guarded(request, () => body.text()),
          chunks: () => guardedChunks(request, body),
        }
      } catch (error) {
        throw new UnreachableError(request, error)
      }
    },
    forgetCredentials: () => credentials.forget(),
  }
}

async function guarded<T>(request: KubeRequest, read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    throw new UnreachableError(request, error)
  }
}

async function* guardedChunks(request: KubeRequest, body: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  try {
    yield* body
  } catch (error) {
    throw new UnreachableError(request, error)
  }
}
