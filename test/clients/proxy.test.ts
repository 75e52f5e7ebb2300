import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { expect, test } from 'vitest'
import { startProxy } from './proxy.ts'

test('a proxy passes on both ways, breaks what goes through it when it is cut, and lets new connections through', async () => {
  const accepted: Socket[] = []
  const server = createServer((socket) => {
    accepted.push(socket)
    socket.pipe(socket)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  await using proxy = await startProxy(`nats://127.0.0.1:${port}`)
  const open = async (): Promise<Socket> => {
    const socket = connect(Number(new URL(proxy.url).port), '127.0.0.1')
    socket.write('hello')
    expect(String((await once(socket, 'data'))[0])).toBe('hello')
    return socket
  }
  const first = await open()
  const closed = once(first, 'close')
  await proxy.cut()
  expect(accepted[0]?.closed || accepted[0]?.readableEnded).toBe(true)
  await closed
  const second = await open()
  second.destroy()
  server.close()
})
