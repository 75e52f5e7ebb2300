import { randomInt } from 'node:crypto'
import { expect, test } from 'vitest'
import { runChaos } from '../chaos/chaos.ts'

/** `npm run chaos` makes as many as one likes. */
const KILLS = 12

test(`nothing is lost, doubled or unaccounted for, ${KILLS} kills -9 of sidecar and nats-server`, async () => {
  const seed = randomInt(2 ** 31)
  const report = await runChaos({ seed, kills: KILLS })
  expect(report).toMatchObject({ seed, kills: KILLS, lost: 0, duplicates: 0, unaccounted: 0, examples: [] })
  expect(Math.min(report.published, report.acknowledged, report.deadLettered)).toBeGreaterThan(0)
}, 300_000)
