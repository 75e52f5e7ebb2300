import { randomInt } from 'node:crypto'
import { expect, test } from 'vitest'
import { isWrong, runPutChaos } from '../chaos/puts/run.ts'

/** `npm run chaos -- put` makes as many as one likes. */
const KILLS = 15

test(`${KILLS} kills -9 of sidecar and nats-server under many publishes: what was acknowledged is there once, under its sequence, in order`, async () => {
  const seed = randomInt(2 ** 31)
  const report = await runPutChaos({ seed, kills: KILLS })
  expect(report).toMatchObject({ seed, kills: KILLS, examples: [] })
  expect(isWrong(report)).toBe(false)
  // The kills hit what was on its way, in batches.
  expect(report.batched).toBeGreaterThan(report.stored / 2)
  expect(Math.min(report.acknowledged, report.retried)).toBeGreaterThan(0)
}, 300_000)
