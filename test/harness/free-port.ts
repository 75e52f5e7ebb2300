import { createServer } from 'node:net'

/**
 * A free port of loopback, below the range from which the kernel gives ports to outgoing connections: while a server is down, none
 * of its clients that try to reach it may be given its own port, and so reach itself.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 20_000)
    const free = await new Promise<boolean>((done) => {
      const server = createServer()
      server.once('error', () => done(false))
      server.listen(port, '127.0.0.1', () => server.close(() => done(true)))
    })
    if (free) return port
  }
}
