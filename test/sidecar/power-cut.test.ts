import { randomInt } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { jetstream } from '@nats-io/jetstream'
import { expect, test } from 'vitest'
import { runChaos } from '../chaos/chaos.ts'
import { losePower } from '../chaos/killer.ts'
import { Disk, whyNoPowerCuts } from '../harness/disk.ts'
import { TestBroker } from './harness.ts'

const missing = whyNoPowerCuts()
const why = missing === undefined ? '' : ` (${missing})`
/** `npm run chaos -- --power-cuts` makes as many as one likes. */
const CUTS = 10
const INTERVAL_MS = 1000
/** What a stock server has. */
const STOCK_INTERVAL_MS = 120_000
/** For the traffic before a cut. Milliseconds. */
const TRAFFIC_MS = 2500
/** Between two publishes, so that a cut surely finds some that are not on the disk. Milliseconds. */
const PACE_MS = 2

test.skipIf(missing)(
  `Always: nothing is lost, doubled or unaccounted for, ${CUTS} power cuts${why}`,
  async () => {
    const seed = randomInt(2 ** 31)
    const report = await runChaos({ seed, kills: CUTS, powerCuts: true })
    expect(report).toMatchObject({ seed, lost: 0, duplicates: 0, unaccounted: 0, examples: [] })
    expect(Math.min(report.published, report.acknowledged)).toBeGreaterThan(0)
  },
  300_000,
)

interface Published {
  readonly text: string
  /** When it was confirmed; monotonic milliseconds. */
  readonly at: number
}

/** Publishes for a while, and cuts the power; what was confirmed, and when the cut was. */
async function cutUnderTraffic(
  broker: TestBroker,
  disk: Disk,
  publish: (text: string) => Promise<unknown>,
): Promise<{ published: Published[]; cutAt: number }> {
  const published: Published[] = []
  const done = new AbortController()
  const producing = (async () => {
    for (let n = 0; !done.signal.aborted; n++) {
      const text = `m${n}`
      await publish(text).then(
        () => published.push({ text, at: performance.now() }),
        () => undefined,
      )
      await delay(PACE_MS)
    }
  })()
  await delay(TRAFFIC_MS)
  const losing = losePower(broker, disk)
  const cutAt = performance.now()
  done.abort()
  await losing
  await broker.nats.start()
  await broker.sidecar.start()
  await broker.ready()
  await producing
  return { published: published.filter(({ at }) => at <= cutAt), cutAt }
}

const brokerOn = (disk: Disk, intervalMs: number): Promise<TestBroker> =>
  TestBroker.start({ sidecar: 'ownProcess', sync: { intervalMs }, storeDir: join(disk.folder, 'store') })

test.skipIf(missing)(
  `Interval: what was confirmed before it, the Queue and its dead letters are there${why}`,
  async () => {
    await using disk = await Disk.create()
    await using broker = await brokerOn(disk, INTERVAL_MS)
    await broker.api.put('cut', { retry: { maxAttempts: 1, visibilityTimeout: '20s' } }, 3)
    const puller = await broker.puller('cut')
    await broker.publish('cut', 'bad', 'worse')
    await Promise.all((await puller.take(2)).map((message) => message.settle('+TERM')))
    await broker.publish('cut', 'old')
    const js = await broker.js()
    const { published, cutAt } = await cutUnderTraffic(broker, disk, (text) => js.publish('q.cut', text))

    expect(await broker.api.get('cut')).toMatchObject({
      generation: 3,
      configured: true,
      messages: { deadLettered: 2 },
    })
    expect((await broker.api.ledger('cut')).unaccounted).toBe(0)
    const { messages } = (await broker.admin.stream('cut')).state
    const got = new Set((await puller.take(messages)).map(({ text }) => text))
    expect(got).toContain('old')
    const lost = published.filter(({ text }) => !got.has(text)).map(({ at }) => cutAt - at)
    // Twice the interval, since a sync takes its time too.
    expect(lost.filter((before) => before > 2 * INTERVAL_MS)).toEqual([])
    expect(lost.length).toBeGreaterThan(0)
  },
)

test.skipIf(missing)(`raw JetStream as it comes loses what it confirmed: these cuts are real${why}`, async () => {
  await using disk = await Disk.create()
  await using broker = await brokerOn(disk, STOCK_INTERVAL_MS)
  const js = jetstream(broker.admin.connection)
  await broker.admin.manager.streams.add({ name: 'raw', subjects: ['raw'] })
  const { published } = await cutUnderTraffic(broker, disk, (text) => js.publish('raw', text))
  const left = await broker.admin.manager.streams.info('raw').then(
    ({ state }) => state.messages,
    () => 0,
  )
  expect(published.length).toBeGreaterThan(left)
})
