import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { numbered, type QueueInput, TestBroker } from './harness.ts'

// nats-server writes down what a consumer acknowledged some time later; what it forgets of it in a crash is on record.

let broker: TestBroker

beforeAll(async () => {
  broker = await TestBroker.start({ sync: 'always' })
})
afterAll(() => broker?.[Symbol.asyncDispose]())

const COUNT = 20
const TIMES = 4
const VISIBILITY_MS = 1000

const MODES: ReadonlyArray<readonly [name: string, spec: QueueInput]> = [
  ['Fifo', {}],
  ['Priority', { ordering: { mode: 'Priority' } }],
  ['KeyedFifo', { ordering: { mode: 'KeyedFifo' } }],
  ['Hierarchical', { type: 'Hierarchical' }],
]

it.each(MODES)(
  'mode %s: what was confirmed just before a crash of nats-server does not come again',
  async (mode, spec) => {
    const queue = `after-${mode.toLowerCase()}`
    await broker.api.put(queue, { ...spec, retry: { visibilityTimeout: `${VISIBILITY_MS}ms` } })
    const js = await broker.js()
    const puller = await broker.puller(queue)
    const rest = (index: number): string =>
      mode === 'Fifo' ? '' : mode === 'Priority' ? `.${index % 3}` : `.key${index % 5}`
    for (let time = 0; time < TIMES; time++) {
      for (const [index, body] of numbered(COUNT, `t${time}-`).entries())
        await js.publish(`q.${queue}${rest(index)}`, body)
      const left = new Set(numbered(COUNT, `t${time}-`))
      while (left.size > 0) {
        const messages = await puller.fetch(left.size, 1000)
        await Promise.all(messages.map((message) => message.settle()))
        for (const { text } of messages) left.delete(text)
      }
      await broker.nats.crash()
      await broker.nats.start()
      // Asks as a client does that is waiting, from before the sidecar is there again until long after the timeout.
      const again: string[] = []
      const end = performance.now() + 2 * VISIBILITY_MS
      while (performance.now() < end) {
        for (const message of await puller.fetch(COUNT, 300)) again.push(message.text)
        await delay(10)
      }
      expect(again).toEqual([])
      await broker.ready()
    }
  },
)
