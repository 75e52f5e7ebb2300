import { once } from 'node:events'
import { createServer, connect, type Socket } from 'node:net'

/** A way to a broker that can be cut: a TCP proxy on a port of loopback. */
export interface Proxy extends AsyncDisposable {
  /** nats://127.0.0.1:port */
  readonly url: string
  /** Breaks every connection that goes through it, the client's end when the broker has seen its own go. New ones are let through. */
  cut(): Promise<void>
}

/** @param url nats://host:port of the broker */
export async function startProxy(url: string): Promise<Proxy> {
  const { hostname, port } = new URL(url)
  const pairs = new Map<Socket, Socket>()
  const server = createServer((client) => {
    const broker = connect(Number(port || 4222), hostname)
    pairs.set(client, broker)
    client.pipe(broker).pipe(client)
    for (const socket of [client, broker]) {
      socket.setNoDelay(true)
      // What ends one end ends the other; that it ended is all there is to know.
      socket.on('error', () => socket.destroy())
      socket.once('close', () => {
        pairs.delete(client)
        client.destroy()
        broker.destroy()
      })
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port')
  const cut = async (): Promise<void> => {
    const cutting = Array.from(pairs, async ([client, broker]) => {
      const closed = once(broker, 'close')
      client.unpipe(broker)
      broker.end().resume()
      await closed
    })
    await Promise.all(cutting)
  }
  return {
    url: `nats://127.0.0.1:${address.port}`,
    cut,
    async [Symbol.asyncDispose]() {
      await cut()
      await new Promise<void>((done) => {
        server.close(() => done())
      })
    },
  }
}
