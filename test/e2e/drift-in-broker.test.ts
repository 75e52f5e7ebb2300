import type { JetStreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import {
  deadLetterStream,
  laneConsumer,
  queueStream,
  SPEC_STREAM,
  settlementStream,
} from '../../crds/protocol/subjects.ts'
import { connectTo, managerOf } from './harness/broker.ts'
import { corrected } from './harness/drift.ts'
import { queue } from './harness/manifests.ts'
import { bodies, publish, take } from './harness/messages.ts'
import { useNamespace } from './harness/namespace.ts'

// Somebody with the sidecar's password changes JetStream by hand; the next resync (10 s here) puts it right and says so.

const QUEUE = 'drifting'
const LANE = laneConsumer('workers', 'fifo')
const namespace = useNamespace('drift-in-broker', async (namespace) => {
  await namespace.apply(queue(QUEUE, { retention: { maxBytes: '64Mi', maxMessages: 1234 } }))
  await namespace.queueReady(QUEUE)
})

let connection: NatsConnection | undefined
let manager: JetStreamManager

/** On a connection of its own: one that was open while the pod was replaced may not know yet that its other end is gone. */
async function reconnect(): Promise<void> {
  await connection?.close()
  connection = await connectTo(namespace, QUEUE, 'sidecar')
  manager = await managerOf(connection)
}

beforeAll(reconnect)
afterAll(async () => {
  await connection?.close()
})
afterEach(() => namespace.queueReady(QUEUE))

test("the queue's stream is changed: put back, and told which field", async () => {
  await manager.streams.update(queueStream(QUEUE), { max_msgs: 5 })
  await corrected('max_msgs to be 1234 again', async () => (await streamConfig(QUEUE))?.max_msgs === 1234)
  expect(await told(/stream drifting: .*max_msgs/)).toMatch(/was 5, set back to 1234/)
})

test("a lane's consumer is changed: put back", async () => {
  await manager.consumers.update(QUEUE, LANE, { max_deliver: 99 })
  await corrected('max_deliver to be 5 again', async () => {
    const { config } = await manager.consumers.info(QUEUE, LANE)
    return config.max_deliver === 5
  })
  expect(await told(/consumer \S+ of stream drifting: .*max_deliver/)).toMatch(/was 99, set back to 5/)
})

test("a lane's consumer is deleted: made again, and what was acknowledged is not delivered again", async () => {
  await publish(namespace, QUEUE, bodies('lane', 6))
  expect(await take(namespace, QUEUE, 3)).toEqual(['lane 1', 'lane 2', 'lane 3'])
  await manager.consumers.delete(QUEUE, LANE)
  await corrected(
    'the consumer to be there again',
    async () => (await manager.consumers.info(QUEUE, LANE)) !== undefined,
  )
  await told(/consumer \S+ of stream drifting/)
  expect(await take(namespace, QUEUE, 3)).toEqual(['lane 4', 'lane 5', 'lane 6'])
})

test.each([
  ['dead letters', deadLetterStream(QUEUE)],
  ['settlement log', settlementStream(QUEUE)],
  ['specs of the broker', SPEC_STREAM],
])('the stream of the %s is deleted: made again, and the queue goes on', async (what, stream) => {
  await publish(namespace, QUEUE, bodies(what, 4))
  expect(await take(namespace, QUEUE, 2)).toEqual([`${what} 1`, `${what} 2`])
  await manager.streams.delete(stream)
  await corrected(`stream ${stream} to be there again`, async () => (await streamConfig(stream)) !== undefined)
  await told(new RegExp(`stream ${stream}`))
  expect(await take(namespace, QUEUE, 2)).toEqual([`${what} 3`, `${what} 4`])
})

test('the stream of the specs was made again with the spec in it: the broker restarts without the operator knowing', async () => {
  const before = await namespace.readyBrokerPod(QUEUE)
  await publish(namespace, QUEUE, bodies('kept', 2))
  await namespace.kubectl('delete', 'pod', `${QUEUE}-0`)
  await namespace.readyBrokerPod(QUEUE, before)
  expect(await take(namespace, QUEUE, 2)).toEqual(['kept 1', 'kept 2'])
})

test("the queue's stream is deleted: made again, and new messages flow", async () => {
  await reconnect()
  await publish(namespace, QUEUE, bodies('lost with the stream', 3))
  await manager.streams.delete(queueStream(QUEUE))
  await corrected('the stream to be there again', async () => (await streamConfig(QUEUE))?.max_msgs === 1234)
  expect(await told(/^stream drifting: it was gone/)).toMatch(/was made anew/)
  await publish(namespace, QUEUE, bodies('after', 3))
  expect(await take(namespace, QUEUE, 3)).toEqual(['after 1', 'after 2', 'after 3'])
})

/** Undefined while there is no such stream. */
async function streamConfig(name: string) {
  const names: string[] = []
  for await (const info of manager.streams.list()) names.push(info.config.name)
  return names.includes(name) ? (await manager.streams.info(name)).config : undefined
}

const told = (message: RegExp) => namespace.eventSays('DriftCorrected', QUEUE, message)
