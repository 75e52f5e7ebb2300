import { UnreachableError } from '../../../operator/kube/errors.ts'
import type { KubeRequest, KubeResponse, Transport } from '../../../operator/kube/transport.ts'

const isWrite = ({ method, path }: KubeRequest): boolean => method !== 'GET' && !path.includes('/leases')

/** A way to the API server that breaks when it is told to. */
export class FaultyTransport implements Transport {
  readonly #inner: Transport
  /** Nothing gets through any more, and what is open breaks off. */
  cutOff = false
  /** After so many writes (the lease not counted) nothing gets through any more. */
  writesLeft = Number.POSITIVE_INFINITY
  /** Called before each write goes out. */
  beforeWrite: (request: KubeRequest) => Promise<void> = async () => {}

  constructor(inner: Transport) {
    this.#inner = inner
  }

  async send(request: KubeRequest): Promise<KubeResponse> {
    this.#check(request)
    if (!isWrite(request)) return this.#guard(request, await this.#inner.send(request))
    await this.beforeWrite(request)
    this.writesLeft -= 1
    if (this.writesLeft > 0) return this.#inner.send(request)
    this.cutOff = true
    // It takes effect, and its answer is lost.
    await (await this.#inner.send(request)).text()
    this.#check(request)
    throw new UnreachableError(request, new Error('cut off'))
  }

  forgetCredentials(): void {
    this.#inner.forgetCredentials()
  }

  #check(request: KubeRequest): void {
    if (this.cutOff) throw new UnreachableError(request, new Error('cut off'))
  }

  #guard(request: KubeRequest, response: KubeResponse): KubeResponse {
    const check = () => this.#check(request)
    return {
      status: response.status,
      header: (name) => response.header(name),
      text: () => response.text(),
      async *chunks() {
        for await (const chunk of response.chunks()) {
          check()
          yield chunk
        }
      },
    }
  }
}
