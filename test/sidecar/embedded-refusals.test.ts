import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { freePort } from './harness.ts'
import { EmbeddedRun } from './harness/embedded.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pillion-refused-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const queue = (name: string, spec = '{}', more = ''): string =>
  `apiVersion: pillion.dev/v1alpha1\nkind: Queue\nmetadata: {name: ${name}}\nspec: ${spec}\n${more}---\n`

/** Runs until it ends by itself; what it said in its refusal. */
async function refusal(args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const run = new EmbeddedRun(args, env)
  try {
    expect(await run.ended()).toBe(1)
    // A refusal is for people: no stack.
    expect(run.output).not.toMatch(/^\s+at /m)
    return run.output
  } finally {
    run.dispose()
  }
}

describe.concurrent('options', () => {
  it.each<[string[], RegExp]>([
    [['--port', 'x'], /--port is "x"; it has to be a port, 0 to 65535/],
    [['--port', '70000'], /--port is "70000"/],
    [['--http-port', '-1'], /--http-port/],
    [['--http-port', '1.5'], /--http-port is "1.5"/],
    [['--prot', '1'], /--prot/],
    [['--file'], /--file/],
    [['orders.yaml'], /orders\.yaml/],
    [['--file', '/no/such/file.yaml'], /\/no\/such\/file\.yaml/],
  ])('%j are refused with the option named', async (args, message) => {
    expect(await refusal(args)).toMatch(message)
  })

  it('--help says what there is', async () => {
    const run = new EmbeddedRun(['--help'])
    expect(await run.ended()).toBe(0)
    for (const option of ['--file', '--port', '--http-port', '--data', '--demo']) expect(run.output).toContain(option)
  })
})

describe('manifests', () => {
  const file = async (text: string, name = 'queues.yaml'): Promise<string> => {
    await writeFile(join(folder, name), text)
    return join(folder, name)
  }

  it('that are wrong are refused with every file and field', async () => {
    await file(queue('good') + queue('orders', '{retry: {maxAttempts: -1, visibilityTimeout: 5}}'), 'a.yaml')
    await file(queue('Orders') + queue('single', '{deduplication: {durable: true}}'), 'b.yml')
    await file('apiVersion: pillion.dev/v1alpha1\nkind: Queue\n  metadata: [', 'c.yaml')
    const output = await refusal(['--file', folder, '--data', join(folder, 'data')])
    expect(output).toContain('the manifests cannot be used')
    expect(output).toMatch(/a\.yaml: spec\.retry\.maxAttempts: /)
    expect(output).toMatch(/a\.yaml: spec\.retry\.visibilityTimeout: /)
    expect(output).toMatch(/b\.yml: metadata\.name: /)
    expect(output).toMatch(/b\.yml: spec\.deduplication\.durable: .*not implemented yet/)
    expect(output).toMatch(/c\.yaml: /)
  })

  it('without a Queue are refused', async () => {
    const path = await file('apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n')
    expect(await refusal(['--file', path])).toMatch(/queues\.yaml holds no Queue/)
    expect(await refusal(['--file', await file('', 'empty.yaml')])).toMatch(/empty\.yaml holds no Queue/)
  })

  it('with one Queue twice are refused', async () => {
    const path = await file(queue('orders') + queue('orders'))
    expect(await refusal(['--file', path])).toMatch(/Queue orders is declared twice/)
  })

  it('with two durabilities are refused, both named', async () => {
    const broker = '{broker: {durability: Interval, syncInterval: 500ms, storage: {size: 10Gi}}}'
    const path = await file(queue('a', broker) + queue('b', '{broker: {durability: Always, storage: {size: 10Gi}}}'))
    expect(await refusal(['--file', path])).toMatch(/one broker.*several durabilities.*(Always|always).*|.*500/)
  })
})

describe('what it needs', () => {
  let server: Server
  let taken = 0
  beforeAll(async () => {
    taken = await freePort()
    server = createServer()
    await new Promise<void>((done) => {
      server.listen(taken, '127.0.0.1', done)
    })
  })
  afterAll(() => new Promise<void>((done) => server.close(() => done())))

  it.each(['--port', '--http-port'])('a %s that is taken is refused, and nothing is left running', async (option) => {
    const other = option === '--port' ? '--http-port' : '--port'
    const args = ['--file', 'crds/examples/orders.yaml', '--data', folder]
    expect(await refusal([...args, option, String(taken), other, '0'])).toMatch(
      new RegExp(`${option} ${taken} is taken; name another, or 0 for a free one`),
    )
  })

  it('a nats-server that is named and not there', async () => {
    expect(await refusal(['--data', folder], { NATS_SERVER: '/no/such/nats-server' })).toMatch(
      /\$NATS_SERVER is \/no\/such\/nats-server, which is not an executable file/,
    )
  })

  it('no nats-server and no Go to build it: says what to install', async () => {
    const env = { NATS_SERVER: '', PATH: folder, XDG_CACHE_HOME: folder }
    const output = await refusal(['--data', folder], env)
    expect(output).toMatch(/nats-server was not found: install it.*\$NATS_SERVER.*install Go/)
  })

  it('a data folder that is a file', async () => {
    const path = join(folder, 'file')
    await writeFile(path, '')
    expect(await refusal(['--data', path, '--port', '0', '--http-port', '0'])).toContain(path)
  })
})
