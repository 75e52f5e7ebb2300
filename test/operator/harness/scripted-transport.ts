import { UnreachableError } from '../../../operator/kube/errors.ts'
import type { KubeRequest, KubeResponse, Transport } from '../../../operator/kube/transport.ts'

export type Answer =
  | { readonly status: number; readonly body: unknown; readonly headers?: Record<string, string> }
  /** What a watch sends, line by line; afterwards it ends (when the promise resolves), breaks off, or stays until it is told to end. */
  | { readonly events: readonly unknown[]; readonly after: 'ends' | 'breaks' | 'stays' | (() => Promise<void>) }
  | 'refused'

/** Answers by a function instead of an API server, and notes what was asked: for faults that a real one cannot be made to have. */
export class ScriptedTransport implements Transport {
  readonly requests: KubeRequest[] = []
  forgotten = 0
  readonly #answer: (request: KubeRequest, count: number) => Answer | Promise<Answer>

  constructor(answer: (request: KubeRequest, count: number) => Answer | Promise<Answer>) {
    this.#answer = answer
  }

  /** Method, path and query of each request so far. */
  get asked(): string[] {
    return this.requests.map(({ method, path, query }) => {
      const text = new URLSearchParams(query).toString()
      return `${method} ${path}${text && `?${text}`}`
    })
  }

  async send(request: KubeRequest): Promise<KubeResponse> {
    this.requests.push(request)
    const answer = await this.#answer(request, this.requests.length)
    if (answer === 'refused') throw new UnreachableError(request, new Error('connection refused'))
    if ('status' in answer) {
      const text = JSON.stringify(answer.body)
      return responseOf(answer.status, answer.headers, () => Promise.resolve(text), chunksOf([text]))
    }
    const { events, after } = answer
    return responseOf(200, {}, () => Promise.resolve(''), stream(request, events, after))
  }

  forgetCredentials(): void {
    this.forgotten += 1
  }
}

const responseOf = (
  status: number,
  headers: Record<string, string> = {},
  text: () => Promise<string>,
  chunks: AsyncIterable<Uint8Array>,
): KubeResponse => ({ status, header: (name) => headers[name], text, chunks: () => chunks })

async function* chunksOf(texts: readonly string[]): AsyncIterable<Uint8Array> {
  for (const text of texts) yield new TextEncoder().encode(text)
}

async function* stream(
  request: KubeRequest,
  events: readonly unknown[],
  after: string | (() => Promise<void>),
): AsyncIterable<Uint8Array> {
  yield* chunksOf(events.map((event) => `${JSON.stringify(event)}\n`))
  if (after === 'breaks') throw new UnreachableError(request, new Error('other side closed'))
  if (after === 'ends') return
  const told = new Promise<void>((resolve) => {
    if (request.signal?.aborted === true) resolve()
    request.signal?.addEventListener('abort', () => resolve(), { once: true })
  })
  await (typeof after === 'function' ? Promise.race([after(), told]) : told)
  if (request.signal?.aborted === true) throw new UnreachableError(request, new Error('aborted'))
}
