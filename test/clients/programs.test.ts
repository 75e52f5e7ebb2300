import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Embedded, startEmbedded } from '../harness/embedded.ts'
import { runClient } from './clients.ts'
import { manifestsOf } from './modes.ts'

let embedded: Embedded
beforeAll(async () => {
  embedded = await startEmbedded({ manifests: manifestsOf(['Fifo']) })
}, 300_000)
afterAll(() => embedded?.[Symbol.asyncDispose]())

test('a program fails, and says so, where a Queue is not there', async () => {
  const [open, ...others] = await runClient('js', { url: embedded.url, queue: 'nothere' })
  expect(open).toMatchObject({ check: 'open', ok: false })
  expect(others).toEqual([])
})

test('a program ends with an error where a broker is not there', async () => {
  await expect(runClient('js', { url: 'nats://127.0.0.1:1', queue: 'orders' })).rejects.toThrow(/after 0 checks/)
})
