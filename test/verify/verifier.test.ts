import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Msg } from '@nats-io/transport-node'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type PlainQueue, startPlainQueue } from './fixture.ts'
import { runVerifier } from './verifier.ts'

let queue: PlainQueue
beforeEach(async () => {
  queue = await startPlainQueue()
})
afterEach(async () => {
  await queue[Symbol.asyncDispose]()
})

const given = (more: object = {}) => ({
  server: queue.server.url,
  queue: 'orders',
  messages: 500,
  settleMs: 5000,
  ...more,
})

/** Stands between publisher and stream on subject `mix.orders`; `forward` decides what is stored and answered. */
function standBetween(forward: (message: Msg, store: () => void) => void): void {
  queue.connection.subscribe('mix.orders', {
    callback: (_, message) => {
      const { headers, reply } = message
      const options = { ...(headers && { headers }), ...(reply !== undefined && { reply }) }
      forward(message, () => queue.connection.publish('q.orders', message.data, options))
    },
  })
}

describe('a queue that keeps its promises', () => {
  test('all is delivered once, in order, and nothing is left', { timeout: 60_000 }, async () => {
    const report = await runVerifier(given({ messages: 3000, producers: 3, consumers: 3, settleMs: 3_600_000 }))
    expect(report).toMatchObject({
      published: 3000,
      acknowledged: 3000,
      consumed: 3000,
      lost: 0,
      duplicates: 0,
      outOfOrder: 0,
      unacknowledged: 0,
      left: 0,
      aborted: false,
    })
    expect((await queue.manager.streams.info('orders')).state.messages).toBe(0)
  })

  test('double acknowledgements', { timeout: 60_000 }, async () => {
    const report = await runVerifier(given({ ack: 'double', consumers: 2 }))
    expect(report).toMatchObject({ consumed: 500, lost: 0, unconfirmed: 0, deliveredAfterConfirm: 0, left: 0 })
  })

  test('kill -9 of the server in the middle, seconds away', { timeout: 120_000 }, async () => {
    let crashed: Promise<void> | undefined
    const crash = async (): Promise<void> => {
      await queue.server.stop('SIGKILL')
      await delay(2500)
      await queue.server.start()
    }
    const report = await runVerifier(
      given({ messages: 4000, producers: 2, consumers: 2, rate: 1000, settleMs: 30_000 }),
      {
        onProgress: () => {
          crashed ??= crash()
        },
      },
    )
    await crashed
    expect(report).toMatchObject({
      published: 4000,
      acknowledged: 4000,
      consumed: 4000,
      lost: 0,
      outOfOrder: 0,
      left: 0,
    })
    expect(report.publishRetries).toBeGreaterThan(0)
    expect(report.reconnects).toBeGreaterThanOrEqual(3)
    expect(report.longestPauseSeconds).toBeGreaterThan(2)
  })
})

describe('a queue that does not', () => {
  test('losses are found: an acknowledgement for what was not stored', { timeout: 60_000 }, async () => {
    let seen = 0
    standBetween((message, store) => {
      if (++seen % 100 === 0) message.respond(JSON.stringify({ stream: 'orders', seq: 1 }))
      else store()
    })
    const report = await runVerifier(given({ subject: 'mix.orders', settleMs: 1000 }))
    expect(report).toMatchObject({ acknowledged: 500, consumed: 495, lost: 5 })
    expect(report.lostIds).toEqual([99, 199, 299, 399, 499].map((number) => `${report.run}-0-${number}`))
  })

  test('losses are found: purged by hand; the program exits with 1', { timeout: 60_000 }, async () => {
    const { manager } = queue
    await manager.consumers.pause('orders', 'workers', new Date(Date.now() + 3_600_000))
    const program = runMain(['--messages', '1000', '--settle', '2', '--json'])
    while ((await manager.streams.info('orders')).state.messages < 600) await delay(20)
    const { purged } = await manager.streams.purge('orders', { keep: 10 })
    await manager.consumers.resume('orders', 'workers')
    const { code, output } = await program
    expect(code).toBe(1)
    const report: unknown = JSON.parse(output)
    expect(report).toMatchObject({ published: 1000, acknowledged: 1000, consumed: 1000 - purged, lost: purged })
  })

  test('duplicates are found: a second copy', { timeout: 60_000 }, async () => {
    let seen = 0
    standBetween((message, store) => {
      store()
      if (++seen % 50 === 0) queue.connection.publish('q.orders', message.data)
    })
    const report = await runVerifier(given({ subject: 'mix.orders' }))
    // The copy of the very last message may come after the end, so the last but one is the last that must be seen.
    expect(report.duplicates).toBeGreaterThanOrEqual(9)
    expect(report).toMatchObject({ consumed: 500, lost: 0, storedTwice: report.duplicates, redelivered: 0 })
  })

  test('disorder is found: neighbours swapped', { timeout: 60_000 }, async () => {
    let held: (() => void) | undefined
    standBetween((_, store) => {
      if (held === undefined) held = store
      else {
        store()
        held()
        held = undefined
      }
    })
    const report = await runVerifier(given({ subject: 'mix.orders' }))
    expect(report).toMatchObject({ consumed: 500, lost: 0, duplicates: 0, outOfOrder: 250, publishRetries: 0 })
  })

  test('a publish whose answer is lost is published again under its Msg-Id, and stored once', {
    timeout: 60_000,
  }, async () => {
    let seen = 0
    standBetween((message, store) => {
      if (++seen <= 500 && seen % 50 === 0)
        queue.connection.publish('q.orders', message.data, message.headers && { headers: message.headers })
      else store()
    })
    const report = await runVerifier(given({ subject: 'mix.orders' }))
    expect(report).toMatchObject({
      acknowledged: 500,
      consumed: 500,
      lost: 0,
      duplicates: 0,
      storedTwice: 0,
      outOfOrder: 0,
    })
    expect(report).toMatchObject({ publishRetries: 10, publishDuplicates: 10, lastPublishError: 'timeout' })
  })

  test('a publish that is refused is tried until given up, and is no loss', { timeout: 60_000 }, async () => {
    const { config } = await queue.manager.streams.info('orders')
    await queue.manager.streams.update('orders', { ...config, max_msg_size: 10 })
    const report = await runVerifier(given({ messages: 3, giveUpMs: 1000 }))
    expect(report).toMatchObject({ published: 3, acknowledged: 0, unacknowledged: 3, consumed: 0, lost: 0 })
    expect(report.publishRetries).toBeGreaterThan(3)
    expect(report.lastPublishError).toMatch(/message size exceeds/)
  })
})

describe('what it refuses', () => {
  test('a queue with messages of others, unless told to consume them', { timeout: 60_000 }, async () => {
    await queue.connection.request('q.orders', 'not ours')
    await expect(runVerifier(given())).rejects.toThrow(/group workers of Queue orders holds 1 messages/)
    expect((await queue.manager.streams.info('orders')).state.messages).toBe(1)
    const report = await runVerifier(given({ foreign: 'ack' }))
    expect(report).toMatchObject({ foreign: 1, consumed: 500, lost: 0, left: 0 })
  })

  test('messages of others during the run; they stay', { timeout: 60_000 }, async () => {
    let sent = false
    const run = runVerifier(given({ rate: 100 }), {
      onProgress: () => {
        if (!sent) queue.connection.publish('q.orders', 'not ours')
        sent = true
      },
    })
    await expect(run).rejects.toThrow(/delivered a message that is not of this run/)
    const stored = await queue.manager.streams.getMessage('orders', { last_by_subj: 'q.orders' })
    expect(stored).not.toBeNull()
  })

  test('a server that is not there, a queue that is not there, a stream of another name', {
    timeout: 60_000,
  }, async () => {
    await expect(runVerifier(given({ server: 'nats://127.0.0.1:1' }))).rejects.toThrow(
      /cannot connect to nats:\/\/127.0.0.1:1/,
    )
    await expect(runVerifier(given({ queue: 'nothere' }))).rejects.toThrow(/cannot open group workers of Queue nothere/)
    await queue.manager.streams.add({ name: 'other', subjects: ['other'] })
    await expect(runVerifier(given({ subject: 'other' }))).rejects.toThrow(/stored in stream other, not in orders/)
  })
})

test('stopping it ends the run and says so', { timeout: 60_000 }, async () => {
  const stop = new AbortController()
  const report = await runVerifier(given({ rate: 100 }), { signal: stop.signal, onProgress: () => stop.abort() })
  expect(report).toMatchObject({ aborted: true })
  expect(report.published).toBeLessThan(500)
})

async function runMain(args: readonly string[]): Promise<{ code: number; output: string }> {
  const main = fileURLToPath(new URL('main.ts', import.meta.url))
  const child = spawn(process.execPath, [main, '--server', queue.server.url, '--queue', 'orders', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')])
  return { code: Number(code), output }
}
