import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect } from '@nats-io/transport-node'
import { EmbeddedRun } from './harness/embedded.ts'
import { to, TransactionClient } from './harness/transactions.ts'
import { eventually } from './harness/wait.ts'

const MAIN = join(import.meta.dirname, '../../sidecar/cli/main.ts')
const QUEUE = (name: string): string =>
  `apiVersion: pillion.dev/v1alpha1\nkind: Queue\nmetadata: {name: ${name}}\nspec: {broker: {durability: Interval}, retry: {maxAttempts: 1}}\n`

let folder: string
let embedded: EmbeddedRun
let at: { nats: string; http: string }

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pillion-test-'))
  await writeFile(join(folder, 'queues.yaml'), `${QUEUE('orders')}---\n${QUEUE('others')}`)
  const options = ['--file', join(folder, 'queues.yaml'), '--port', '0', '--http-port', '0']
  embedded = new EmbeddedRun([...options, '--data', join(folder, 'data')])
  at = await embedded.ready()
})
afterAll(async () => {
  embedded?.dispose()
  await rm(folder, { recursive: true, force: true })
})

interface Result {
  readonly code: number
  readonly out: string
  readonly err: string
}

function pillion(...args: string[]): Promise<Result> {
  const env = { ...process.env, PILLION_HTTP: at.http, NATS_URL: at.nats }
  return new Promise((done) => {
    const child = execFile(process.execPath, [MAIN, ...args], { env }, (error, out, err) =>
      done({ code: error === null ? 0 : Number(error.code ?? 1), out: out.trim(), err: err.trim() }),
    )
    child.stdin?.end('from standard input')
  })
}

async function json(...args: string[]): Promise<unknown> {
  const { code, out, err } = await pillion(...args, '-o', 'json')
  if (code !== 0) throw new Error(err)
  return JSON.parse(out)
}

/** A broker that votes yes, and is heard of no more. */
async function votesOnly(): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer((incoming, outgoing) => {
    const isVote = incoming.url?.endsWith('/prepare') === true
    if (isVote) outgoing.end(JSON.stringify({ vote: 'yes', queues: { elsewhere: { sends: 1 } } }))
    else incoming.destroy()
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  return {
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () => new Promise((done) => server.close(() => done())),
  }
}

describe('pillion', () => {
  it('publishes, peeks, consumes, pauses, moves and verifies', async () => {
    expect(await pillion('publish', 'orders', 'one', '--header', 'tenant=a', '--id', 'x')).toMatchObject({
      code: 0,
      out: 'stored as 1',
    })
    expect((await pillion('publish', 'orders', 'one', '--id', 'x')).out).toContain('duplicate')
    await pillion('publish', 'orders')
    expect(await json('peek', 'orders')).toMatchObject({
      messages: [{ body: 'one', headers: { tenant: ['a'] } }, { body: 'from standard input' }],
    })
    expect((await pillion('consume', 'orders', '--count', '1')).out).toBe('one')
    expect((await pillion('move', 'orders', 'others')).err).toContain('set spec.paused: true')
    await pillion('pause', 'orders')
    expect(await json('move', 'orders', 'others')).toMatchObject({ state: 'Succeeded', done: 1 })
    await pillion('resume', 'orders')
    expect(await json('queues')).toMatchObject([
      { name: 'orders', paused: false, messages: { ready: 0 } },
      { name: 'others', messages: { ready: 1 } },
    ])
    expect(await json('verify', 'orders')).toMatchObject({ acknowledged: 1, moved: 1, unaccounted: 0 })
    expect((await pillion('describe', 'others')).out).toContain('maxAttempts: 1')
    expect((await pillion('consume', 'others', '--once')).out).toBe('from standard input')
  })

  it('shows transactions, and decides one in doubt', async () => {
    const connection = await connect({ servers: at.nats })
    const tx = new TransactionClient(connection)
    const checkBack = { subject: 'pillion.check.nobody', firstAfter: '1s', interval: '1s', limit: 1 }
    const { id, secret } = await tx.ask('begin', { id: 'doubtful', checkBack })
    await tx.ask('send', { id, secret, from: 0, sends: to('orders', 'decided') })
    await tx.ask('prepare', { id, secret })
    await connection.close()
    expect((await pillion('tx', 'resolve', id, 'commit')).err).toContain('it is not in doubt')
    await eventually(async () => expect(await json('tx', 'list')).toMatchObject([{ id, state: 'InDoubt' }]))
    expect((await pillion('tx', 'list')).out).toMatch(/^doubtful +InDoubt .* 1 +0 +its producer was asked 1 times/m)
    expect((await pillion('tx', 'show', id)).out).toMatch(/^asks +pillion.check.nobody, 1 of 1 times$/m)
    expect((await pillion('tx', 'resolve', id, 'commit')).out).toMatch(/^state +Committed$/m)
    expect(await json('tx', 'resolve', id, 'commit')).toMatchObject({ state: 'Committed' })
    expect((await pillion('tx', 'resolve', id, 'abort')).err).toContain('comes too late')
    expect(await json('tx', 'list')).toEqual([])
    expect((await pillion('tx', 'show', id)).out).toMatch(/^sends to orders +1, stored as \d+ to \d+$/m)
    expect((await pillion('consume', 'orders', '--count', '1')).out).toBe('decided')
    expect(await pillion('tx', 'resolve', id, 'maybe')).toMatchObject({ code: 2 })
    expect(await pillion('tx', 'show', 'never')).toMatchObject({
      code: 1,
      err: expect.stringContaining('no transaction "never"'),
    })
  })

  it('shows a part of a transaction whose coordinator is gone for good, and decides it', async () => {
    const send = (method: string, path: string, body: object): Promise<Response> =>
      fetch(`${at.http}${path}`, { method, body: JSON.stringify(body) })
    const part = { startedAt: 1, sends: to('others', 'part'), acks: [] }
    expect((await send('POST', '/participations/gone/lost/prepare', part)).status).toBe(200)
    const decided = (decision: string): Promise<Result> =>
      pillion('tx', 'resolve', 'lost', decision, '--coordinator', 'gone')
    expect(await pillion('tx', 'show', 'lost')).toMatchObject({ code: 1 })
    expect((await pillion('tx', 'show', 'lost', '--coordinator', 'gone')).out).toMatch(
      /^coordinator +gone\nstate +Prepared$/m,
    )
    expect(await pillion('tx', 'show', 'lost', '--coordinator', 'other')).toMatchObject({
      code: 1,
      err: 'no broker that was asked has a part in a transaction lost of broker other',
    })
    expect((await decided('commit')).err).toContain('broker gone decides transaction lost')
    expect((await send('PUT', '/peers', { self: 'here', brokers: [] })).status).toBe(200)
    expect((await pillion('tx', 'list')).out).toMatch(/decide it with pillion tx resolve lost commit or abort --coord/)
    expect((await decided('commit')).out).toMatch(/^state +Committed$/m)
    expect((await decided('commit')).out).toMatch(/^sends to others +1, stored as \d+ to \d+$/m)
    expect((await decided('abort')).err).toContain('abort would make it half done')
    expect(await json('tx', 'list')).toEqual([])
    expect((await pillion('consume', 'others', '--once')).out).toContain('part')
  })

  it('ends a transaction without the part of a broker that is gone for good', async () => {
    const peers = (queues: string[]): Promise<Response> => {
      const brokers = queues.length === 0 ? [] : [{ name: 'away', url: peer.url, queues }]
      return fetch(`${at.http}/peers`, { method: 'PUT', body: JSON.stringify({ self: 'here', brokers }) })
    }
    await using peer = await votesOnly()
    await peers(['elsewhere'])
    const connection = await connect({ servers: at.nats })
    const tx = new TransactionClient(connection)
    const sends = [...to('orders', 'here'), ...to('elsewhere', 'away')]
    expect(await tx.ask('commit', { id: 'torn', sends })).toMatchObject({ state: 'Committing' })
    await connection.close()
    expect((await pillion('tx', 'show', 'torn')).out).toMatch(/^waits for +away, since \d{4}-.*: broker away: .*$/m)
    const without = (decision = 'commit', ...more: string[]): Promise<Result> =>
      pillion('tx', 'resolve', 'torn', decision, '--without', 'away', ...more)
    expect((await without()).err).toContain('was waited for for less than 10m')
    expect([(await without('abort')).code, (await without('commit', '--coordinator', 'x')).code]).toEqual([2, 2])
    await peers([])
    const { out } = await without()
    expect(out).toMatch(/^state +Committed$/m)
    expect(out).toMatch(/^without +away$/m)
    expect(out).toMatch(/^sends to elsewhere +1$/m)
    expect(await json('tx', 'list')).toEqual([])
    expect((await pillion('consume', 'orders', '--count', '1')).out).toBe('here')
  })

  it('says what to do about what is wrong, with exit code 2 where the command is', async () => {
    const said = async (code: number, text: string, ...args: string[]): Promise<void> => {
      const { code: is, err } = await pillion(...args)
      expect([is, err]).toEqual([code, expect.stringContaining(text)])
    }
    await said(2, 'see pillion --help', 'frobnicate')
    await said(2, 'pillion dlq list', 'dlq')
    await said(2, 'the name of the queue is missing', 'peek')
    await said(2, 'one of max-attempts', 'dlq', 'redrive', 'orders', '--reason', 'bad')
    await said(2, 'usage: pillion peek <queue>', 'peek', 'orders', '--color')
    await said(2, '--output is "yaml"; it has to be json', 'queues', '-o', 'yaml')
    await said(1, 'there is no queue nowhere', 'verify', 'nowhere')
    await said(1, 'no queue takes q.nowhere', 'publish', 'nowhere', 'x')
    await said(1, 'start it with npm start', 'queues', '--http', 'http://127.0.0.1:9')
    await said(1, 'select.olderThan', 'dlq', 'redrive', 'orders', '--older-than', 'long')
  })

  it('completes commands, options and names', async () => {
    const { out } = await pillion('completion')
    const complete = (line: string): Promise<string> =>
      new Promise((done) => {
        const words = line.split(' ')
        const script = `${out}\npillion() { ${process.execPath} ${MAIN} "$@"; }\nCOMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')})\nCOMP_CWORD=${words.length - 1}\n_pillion\necho "\${COMPREPLY[*]}"`
        const env = { ...process.env, PILLION_HTTP: at.http }
        execFile('bash', ['-c', script], { env }, (_, printed) => done(printed.trim()))
      })
    expect(await complete('pillion pe')).toBe('peek')
    expect(await complete('pillion dlq re')).toBe('redrive')
    expect(await complete('pillion tx re')).toBe('resolve')
    expect(await complete('pillion tx list --bro')).toBe('--broker')
    expect(await complete('pillion dlq redrive --dry')).toBe('--dry-run')
    expect(await complete('pillion peek o')).toBe('orders others')
  })
})
