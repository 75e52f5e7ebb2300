import {
  type ConnectionOptions,
  type NatsConnection,
  NatsConnectionImpl,
  setTransportFactory,
} from '@nats-io/transport-node'
import { NodeTransport, nodeResolveHost } from '@nats-io/transport-node/lib/node_transport.js'
import { type AckMessage, AckFrames } from '../wire/ack-frames.ts'
import type { AckSubject } from '../wire/ack-subject.ts'

type Handle = (ack: AckSubject, message: AckMessage) => void

/** The library's transport, whose parser gets everything but acknowledgements. */
class AckTransport extends NodeTransport {
  readonly #handle: Handle

  constructor(handle: Handle) {
    super()
    this.#handle = handle
  }

  override async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    const frames = new AckFrames(this.#handle)
    for await (const chunk of super[Symbol.asyncIterator]()) yield* frames.rest(chunk)
  }
}

/** Connects as the library's own `connect` does, and hands acknowledgements to `handle`, which must not throw. */
export function connectWithAcks(options: ConnectionOptions, handle: Handle): Promise<NatsConnection> {
  setTransportFactory({ factory: () => new AckTransport(handle), dnsResolveFn: nodeResolveHost })
  return NatsConnectionImpl.connect(options)
}
