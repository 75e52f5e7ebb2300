import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TestBroker } from './harness.ts'
import { verifyModes, VERIFIED } from './harness/verified.ts'

// The order that each mode promises, checked by the verifier: without faults, and under kill -9 of each part while messages flow to all
// the modes at once.

const MESSAGES = 2000
/** Of each mode, where all run at once. */
const EACH = 1200
/** Messages a second of each: slow enough that a fault has traffic on both sides. */
const RATE = 150

let broker: TestBroker
beforeAll(async () => {
  broker = await TestBroker.start({ sidecar: 'ownProcess' })
})
afterAll(() => broker?.[Symbol.asyncDispose]())

const nothingLost = { lost: 0, unsent: 0, unacknowledged: 0, left: 0, aborted: false }

describe('each mode, without faults', () => {
  it.each(VERIFIED)('$name: nothing is lost, and all is in order', async ({ name, spec, options }) => {
    const [report] = await verifyModes(broker, [{ name, spec, options }], { messages: MESSAGES })
    expect(report).toMatchObject({ ...nothingLost, orderViolations: 0, duplicates: 0, redelivered: 0 })
    expect((report?.consumed ?? 0) + (report?.replaced ?? 0)).toBe(MESSAGES)
    expect(report?.orderChecked).toBeGreaterThan(0)
    expect(report?.overlaps ?? 0).toBe(0)
  })
})

describe('all modes at once, under faults', () => {
  const killServer = async (): Promise<void> => {
    await broker.nats.crash()
    await broker.nats.start()
    await broker.ready()
  }
  const killSidecar = async (): Promise<void> => {
    await broker.sidecar.kill()
    await broker.sidecar.start()
    await broker.ready()
  }

  it.each([
    ['kill -9 of nats-server', killServer, 0],
    ['kill -9 of the sidecar', killSidecar, 0],
    ['consumers that die with a message in hand', undefined, 8],
  ] as const)('%s: nothing is lost, and keys are in order', async (_, fault, killConsumers) => {
    const reports = await verifyModes(broker, VERIFIED, { messages: EACH, rate: RATE, killConsumers }, fault)
    for (const report of reports) {
      expect(report).toMatchObject({ ...nothingLost, consumersKilled: killConsumers })
      expect(report.consumed + report.replaced).toBe(EACH)
      if (report.mode === 'KeyedFifo' || killConsumers > 0) expect(report).toMatchObject({ orderViolations: 0 })
    }
  })
})
