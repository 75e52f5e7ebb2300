import { createServer } from 'node:net'

/** A port on loopback: the given one, which must be free; or the usual one, and where that is taken (or 0 given) a free one. */
export async function choosePort(option: string, given: number | undefined, usual: number): Promise<number> {
  const wanted = given ?? usual
  const port = await tryPort(wanted)
  if (port !== undefined) return port
  if (given === undefined) return choosePort(option, 0, 0)
  throw new Error(`${option} ${given} is taken; name another, or 0 for a free one`)
}

function tryPort(port: number): Promise<number | undefined> {
  return new Promise((done) => {
    const server = createServer()
    server.once('error', () => done(undefined))
    server.listen(port, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => done(typeof address === 'object' && address !== null ? address.port : undefined))
    })
  })
}
