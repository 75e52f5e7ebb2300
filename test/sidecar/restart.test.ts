import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { eventually, numbered, type Puller, TestBroker, until } from './harness.ts'

const MAIN = fileURLToPath(new URL('../../sidecar/main.ts', import.meta.url))
const good = {
  PILLION_NATS_URL: 'nats://127.0.0.1:1',
  PILLION_NATS_USER: 'sidecar',
  PILLION_NATS_PASSWORD: 'x',
  PILLION_TOKEN: 'sixteen-characters',
}

let broker: TestBroker
let puller: Puller
let number = 0
let queue = ''

beforeAll(async () => {
  broker = await TestBroker.start({ sidecar: 'ownProcess' })
})
afterAll(() => broker?.[Symbol.asyncDispose]())

beforeEach(async () => {
  queue = `restart${++number}`
  await broker.api.put(queue, { retry: { visibilityTimeout: '2s' } }, 5)
  puller = await broker.puller(queue)
})

const start = async (): Promise<void> => {
  await broker.sidecar.start()
  await broker.ready()
}

describe('a sidecar that is started again', () => {
  it('serves its stored Queues without being told of them', async () => {
    await broker.publish(queue, ...numbered(3))
    const before = await broker.api.get(queue)
    expect(await broker.sidecar.stop()).toBe(0)
    await start()
    expect(await broker.api.get(queue)).toEqual(before)
    expect(await broker.api.metric('pillion_broker_queues')).toBe(number)
    expect((await puller.take(3)).map(({ text }) => text)).toEqual(numbered(3))
    expect((await broker.api.put(queue, { retry: { visibilityTimeout: '2s' } }, 5)).corrected).toEqual([])
  })

  it('has the last spec that was put, and not the one that was refused', async () => {
    await broker.api.put(queue, { retry: { maxAttempts: 3 } }, 6)
    expect((await broker.api.tryPut(queue, { retry: { maxAttempts: -3 } }, 7)).status).toBe(400)
    await broker.sidecar.kill()
    await start()
    expect(await broker.api.get(queue)).toMatchObject({ generation: 6 })
    expect((await broker.admin.lane(queue)).config.max_deliver).toBe(3)
  })

  it('does not know a Queue that was deleted', async () => {
    await broker.api.delete(queue, 'Delete')
    await broker.sidecar.kill()
    await start()
    expect((await broker.api.request('GET', `/queues/${queue}`)).status).toBe(404)
    number--
  })

  it('takes up many Queues', async () => {
    const names = numbered(30, 'many-')
    for (const name of names)
      await broker.api.put(name, { retention: { maxBytes: '1Mi' }, deadLetter: { maxBytes: '1Mi' } })
    await broker.sidecar.kill()
    await start()
    for (const name of names) {
      await broker.publish(name, name)
      const message = await (await broker.puller(name)).one()
      expect(message.text).toBe(name)
      await message.settle()
      expect(await broker.api.delete(name, 'Delete')).toMatchObject({ status: 200 })
    }
  })
})

describe('SIGTERM', () => {
  it('ends it with code 0, with what was settled on record and no pull taken afterwards', async () => {
    await broker.publish(queue, ...numbered(200))
    const [open, ...rest] = await puller.take(200)
    for (const message of rest) message.answer()
    // Once this is answered, the sidecar has read all of them.
    await rest[0]?.settle('+WPI')
    expect(await broker.sidecar.stop()).toBe(0)
    const onRecord = await broker.admin.onRecord(queue)
    expect(rest.filter(({ sequence }) => !onRecord(sequence))).toEqual([])
    expect(onRecord(1)).toBe(false)
    // Nobody is there: a pull is told so, and takes no message with it.
    puller.request({ batch: 10, expires: 1e9 })
    expect(await puller.next()).toMatchObject({ status: 503 })
    expect(await open?.settle().catch(String)).toMatch(/no responders/i)
    await start()
    const again = await puller.one()
    expect(again).toMatchObject({ text: 'm0' })
    await again.settle()
    await eventually(async () => expect((await broker.admin.stream(queue)).state.messages).toBe(0))
  })

  it('under traffic loses nothing', async () => {
    const js = await broker.js()
    const done = new AbortController()
    const accepted = new Set<string>()
    const settled = new Set<string>()
    const produce = (async () => {
      for (let n = 0; !done.signal.aborted; n++) {
        await js.publish(`q.${queue}`, `m${n}`)
        accepted.add(`m${n}`)
      }
    })()
    const consume = (async () => {
      while (!done.signal.aborted) {
        for (const message of await puller.fetch(20, 200)) {
          message.answer()
          settled.add(message.text)
        }
      }
    })()
    await until('traffic flows', () => settled.size > 200)
    expect(await broker.sidecar.stop()).toBe(0)
    await start()
    await until('traffic flows again', () => settled.size > 400)
    done.abort()
    await Promise.all([produce, consume])
    await until('nothing is left', async () => {
      const messages = await puller.fetch(500, 200)
      for (const { text } of messages) settled.add(text)
      await Promise.all(messages.map((message) => message.settle()))
      return (await broker.admin.stream(queue)).state.messages === 0
    })
    expect([...accepted].filter((text) => !settled.has(text))).toEqual([])
    expect(await broker.admin.deadLetters(queue)).toEqual([])
  })

  it('ends it with code 0 soon, too, when nats-server has gone before it, as in a pod', async () => {
    await broker.publish(queue, ...numbered(2))
    const [first] = await puller.take(2)
    await broker.nats.stop()
    first?.answer()
    const started = performance.now()
    expect(await broker.sidecar.stop()).toBe(0)
    expect(performance.now() - started).toBeLessThan(10_000)
    await broker.nats.start()
    await start()
    expect((await puller.take(2)).map(({ text }) => text)).toEqual(numbered(2))
  })

  it('ends it with code 0 before it ever reached nats-server', async () => {
    await broker.sidecar.stop()
    await broker.nats.stop()
    await broker.sidecar.start()
    expect(await broker.sidecar.stop()).toBe(0)
    await broker.nats.start()
    await start()
  })
})

describe('SIGTERM to a sidecar that has only just started', () => {
  // Ten: the time between a line and what follows it is short.
  it.each(numbered(5).flatMap((n) => [`${n} starting`, `${n} listening`]))('ends it with code 0: %s', async (when) => {
    const line = when.split(' ')[1] ?? ''
    const child = spawn(process.execPath, [MAIN], {
      env: { ...process.env, ...good, PILLION_HTTP_PORT: '0' },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    child.stdout.on('data', (text) => {
      if (String(text).includes(`"${line}"`)) child.kill('SIGTERM')
    })
    await once(child, 'close')
    expect([child.exitCode, child.signalCode]).toEqual([0, null])
  })
})

describe('the environment', () => {
  const run = async (env: Record<string, string>): Promise<{ code: number | null; output: string }> => {
    const child = spawn(process.execPath, [MAIN], {
      env: { PATH: process.env.PATH ?? '', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += String(text)))
    await once(child, 'close')
    return { code: child.exitCode, output }
  }
  it('that lacks everything is refused with each variable named', async () => {
    const { code, output } = await run({})
    expect(code).toBe(1)
    for (const name of Object.keys(good)) expect(output).toContain(name)
  })

  it.each([
    ['PILLION_TOKEN', 'short'],
    ['PILLION_HTTP_PORT', '70000'],
    ['PILLION_HTTP_PORT', 'http'],
    ['PILLION_LOG_LEVEL', 'loud'],
    ['PILLION_NATS_URL', ''],
  ])('with %s=%s is refused with its name', async (name, value) => {
    const { code, output } = await run({ ...good, [name]: value })
    expect(code).toBe(1)
    expect(output).toContain(name)
    expect(output).not.toContain('sixteen-characters')
  })

  it('with a port that is taken ends with a message that says so', async () => {
    const port = new URL(broker.sidecar.url).port
    const { code, output } = await run({ ...good, PILLION_HTTP_PORT: port })
    expect(code).toBe(1)
    expect(output).toMatch(/EADDRINUSE|in use|taken/)
  })
})
