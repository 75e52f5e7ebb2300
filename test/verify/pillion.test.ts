import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Embedded, startEmbedded } from '../harness/embedded.ts'
import { runVerifier } from './verifier.ts'

const QUEUE = `apiVersion: pillion.dev/v1alpha1
kind: Queue
metadata: {name: orders}
spec:
  retention: {maxMessages: 1000}
`

let embedded: Embedded
beforeAll(async () => {
  embedded = await startEmbedded({ manifests: QUEUE })
}, 300_000)
afterAll(() => embedded[Symbol.asyncDispose]())

const exact = {
  lost: 0,
  duplicates: 0,
  outOfOrder: 0,
  redelivered: 0,
  storedTwice: 0,
  deliveredAfterConfirm: 0,
  unacknowledged: 0,
  consumerRestarts: 0,
  left: 0,
}

test('a Queue without faults: each message once and in order', { timeout: 120_000 }, async () => {
  const report = await runVerifier({
    server: embedded.url,
    queue: 'orders',
    messages: 5000,
    producers: 3,
    consumers: 3,
  })
  expect(report).toMatchObject({ published: 5000, acknowledged: 5000, consumed: 5000, ...exact })
})

test('a Queue without faults, double acknowledgements', { timeout: 120_000 }, async () => {
  const report = await runVerifier({ server: embedded.url, queue: 'orders', messages: 2000, ack: 'double' })
  expect(report).toMatchObject({ consumed: 2000, unconfirmed: 0, ...exact })
})
