import type { KubeRequest, KubeResponse, Transport } from '../../../operator/kube/transport.ts'

/** Passes everything on, and notes what would change something. */
export class RecordingTransport implements Transport {
  readonly #inner: Transport
  readonly writes: string[] = []
  readonly reads: string[] = []

  constructor(inner: Transport) {
    this.#inner = inner
  }

  async send(request: KubeRequest): Promise<KubeResponse> {
    const list = request.method === 'GET' ? this.reads : this.writes
    const watch = request.query?.['watch'] === 'true' ? '?watch=true' : ''
    list.push(`${request.method} ${request.path}${watch}`)
    return this.#inner.send(request)
  }

  forgetCredentials(): void {
    this.#inner.forgetCredentials()
  }

  /** Writes other than those of the election, which go on by design. */
  get ownWrites(): string[] {
    return this.writes.filter((write) => !write.includes('/leases'))
  }
}
