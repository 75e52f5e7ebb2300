import { join } from 'node:path'
import type { PubAck } from '@nats-io/jetstream'
import { expect, test } from 'vitest'
import type { NatsServerConfig } from '../../crds/protocol/nats-config.ts'
import { Disk, whyNoPowerCuts } from '../harness/disk.ts'
import { numbered, TestBroker } from './harness.ts'

const missing = whyNoPowerCuts()
const why = missing === undefined ? '' : ` (${missing})`
const MESSAGES = 100
/** So long that nothing of a test is synced by it. Milliseconds. */
const LONG_MS = 600_000

interface Synced {
  /** Of publishes that wait for each other: at how many the disk was flushed between publish and PubAck. */
  readonly oneByOne: number
  /** Of as many at once: the flushes before the first PubAck, and before the last. */
  readonly beforeFirst: number
  readonly beforeLast: number
}

/** Publishes to a broker on a disk of its own, and counts what reaches the disk meanwhile. */
async function syncedBy(sync: NatsServerConfig['sync']): Promise<Synced> {
  await using disk = await Disk.create()
  await using broker = await TestBroker.start({ sync, storeDir: join(disk.folder, 'store') })
  await broker.api.put('orders', {})
  const js = await broker.js()
  // The first one makes the files.
  await js.publish('q.orders', 'first')
  let oneByOne = 0
  for (const text of numbered(MESSAGES)) {
    const before = await disk.flushes()
    await js.publish('q.orders', text)
    if ((await disk.flushes()) > before) oneByOne++
  }
  const before = await disk.flushes()
  const acks: Array<Promise<PubAck>> = numbered(MESSAGES).map((text) => js.publish('q.orders', text))
  await Promise.race(acks)
  const beforeFirst = (await disk.flushes()) - before
  await Promise.all(acks)
  const beforeLast = (await disk.flushes()) - before
  return { oneByOne, beforeFirst, beforeLast }
}

test.skipIf(missing)(
  `Always: the disk is flushed between each publish and its PubAck, and not as often where many are published at once${why}`,
  async () => {
    const { oneByOne, beforeFirst, beforeLast } = await syncedBy('always')
    expect(oneByOne).toBe(MESSAGES)
    expect(beforeFirst).toBeGreaterThan(0)
    expect(beforeLast).toBeLessThan(MESSAGES)
  },
)

test.skipIf(missing)(`Interval: a publish does not wait for the disk${why}`, async () => {
  const { oneByOne, beforeLast } = await syncedBy({ intervalMs: LONG_MS })
  // The file system itself does so every few seconds.
  expect(oneByOne).toBeLessThan(MESSAGES / 10)
  expect(beforeLast).toBeLessThan(MESSAGES / 10)
})
