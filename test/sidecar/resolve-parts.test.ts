import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { request } from 'undici'
import { z } from 'zod'
import { PROXY_AUTHORIZATION_HEADER } from '../../crds/protocol/api.ts'
import { TOKEN, type TestBroker } from './harness.ts'
import { Namespace } from './harness/namespace.ts'
import { to } from './harness/transactions.ts'

// `pillion tx` with a kubeconfig, of a transaction whose parts several brokers have, and whose coordinator is gone: each broker is real, the
// API server is what of it the command asks.

const MAIN = join(import.meta.dirname, '../../sidecar/cli/main.ts')
const BROKERS = ['one', 'two']

let namespace: Namespace
let api: Server
let folder: string

beforeAll(async () => {
  namespace = await Namespace.start(BROKERS)
  for (const name of BROKERS) await namespace.broker(name).api.put(`of-${name}`, {})
  await namespace.tell()
  api = await apiServer((name) => namespace.broker(name))
  folder = await mkdtemp(join(tmpdir(), 'pillion-test-'))
  const address = api.address()
  const port = typeof address === 'object' ? address?.port : undefined
  await writeFile(
    join(folder, 'config'),
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'here', cluster: { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true } }],
      users: [{ name: 'me', user: {} }],
      contexts: [{ name: 'it', context: { cluster: 'here', user: 'me', namespace: 'shop' } }],
      'current-context': 'it',
    }),
  )
})
afterAll(async () => {
  await new Promise((done) => api?.close(done))
  if (folder !== undefined) await rm(folder, { recursive: true })
  await namespace?.[Symbol.asyncDispose]()
})

/** QueueBrokers, their tokens, and the proxy to their sidecars. */
async function apiServer(broker: (name: string) => TestBroker): Promise<Server> {
  const server = createServer((incoming, outgoing) => {
    const answer = (status: number, text: string): void => void outgoing.writeHead(status).end(text)
    const url = incoming.url ?? ''
    if (url.endsWith('/queuebrokers'))
      return answer(200, JSON.stringify({ items: BROKERS.map((name) => ({ metadata: { name } })) }))
    if (url.endsWith('-sidecar'))
      return answer(200, JSON.stringify({ data: { token: Buffer.from(TOKEN).toString('base64') } }))
    const [, name = '', path = ''] = /\/services\/(.*):http\/proxy(.*)$/.exec(url) ?? []
    const authorization = incoming.headers[PROXY_AUTHORIZATION_HEADER.toLowerCase()]
    let body = ''
    incoming.on('data', (chunk: Buffer) => {
      body += chunk.toString()
    })
    incoming.on('end', () => {
      const asked = { method: incoming.method === 'POST' ? ('POST' as const) : ('GET' as const), body: body || null }
      request(`${broker(name).sidecar.url}${path}`, { ...asked, headers: { authorization: String(authorization) } })
        .then(async (answered) => answer(answered.statusCode, await answered.body.text()))
        .catch((error: unknown) => answer(500, String(error)))
    })
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return server
}

function pillion(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const env = { ...process.env, KUBECONFIG: join(folder, 'config'), PILLION_HTTP: '' }
  return new Promise((done) => {
    execFile(process.execPath, [MAIN, 'tx', ...args, '--coordinator', 'gone'], { env }, (error, out, err) =>
      done({ code: error === null ? 0 : Number(error.code ?? 1), out: out.trim(), err: err.trim() }),
    )
  })
}

const partSchema = z.array(z.object({ broker: z.string(), state: z.string() }))
const states = async (...args: string[]): Promise<Record<string, string>> => {
  const { code, out, err } = await pillion(...args, '-o', 'json')
  if (code !== 0) throw new Error(err)
  return Object.fromEntries(partSchema.parse(JSON.parse(out)).map(({ broker, state }) => [broker, state]))
}

async function ask(name: string, id: string, what: string, body: object): Promise<void> {
  const path = `/participations/gone/${id}/${what}`
  const { status } = await namespace.broker(name).api.request('POST', path, {
    body: JSON.stringify({ startedAt: 1, ...body }),
  })
  expect(status).toBe(200)
}

const prepare = async (id: string): Promise<void> => {
  for (const name of BROKERS) await ask(name, id, 'prepare', { sends: to(`of-${name}`, id), acks: [] })
}
const texts = async (name: string): Promise<string[]> =>
  (await namespace.broker(name).admin.messages(`of-${name}`)).map(({ text }) => text)

it('decides every part the same', async () => {
  await prepare('lost')
  expect(await states('show', 'lost')).toEqual({ one: 'Prepared', two: 'Prepared' })
  expect(await states('resolve', 'lost', 'commit')).toEqual({ one: 'Committed', two: 'Committed' })
  expect([await texts('one'), await texts('two')]).toEqual([['lost'], ['lost']])
})

it('does not decide otherwise than what one of them had heard, whose end is only remembered', async () => {
  await prepare('half')
  await ask('one', 'half', 'commit', {})
  expect(await states('show', 'half')).toEqual({ one: 'Committed', two: 'Prepared' })
  expect(await pillion('resolve', 'half', 'abort')).toMatchObject({
    code: 1,
    err: expect.stringContaining('transaction half of broker gone is Committed in broker one'),
  })
  expect(await states('show', 'half')).toEqual({ one: 'Committed', two: 'Prepared' })
  expect(await states('resolve', 'half', 'commit')).toEqual({ one: 'Committed', two: 'Committed' })
  expect([await texts('one'), await texts('two')]).toEqual([
    ['lost', 'half'],
    ['lost', 'half'],
  ])
})

it('decides the part of one broker, where it is named', async () => {
  await prepare('named')
  expect(await states('resolve', 'named', 'abort', '--broker', 'two')).toEqual({ two: 'Aborted' })
  expect(await states('show', 'named')).toEqual({ one: 'Prepared', two: 'Aborted' })
  expect(await states('resolve', 'named', 'abort')).toEqual({ one: 'Aborted', two: 'Aborted' })
})
