import { randomInt } from 'node:crypto'
import { expect, test } from 'vitest'
import { isWrong, runTxChaos } from '../chaos/transactions/run.ts'

/** `npm run chaos -- tx` makes as many as one likes. */
const KILLS = 6
const TRANSACTIONS = 120

test(`each of ${TRANSACTIONS} transactions is wholly there or wholly absent, ${KILLS} kills -9 of the sidecars and nats-servers of two brokers`, async () => {
  const seed = randomInt(2 ** 31)
  const report = await runTxChaos({ seed, kills: KILLS, transactions: TRANSACTIONS, brokers: 2 })
  expect(report).toMatchObject({ seed, transactions: TRANSACTIONS, unaccounted: 0, left: 0, examples: [] })
  expect(isWrong(report)).toBe(false)
  expect(Math.min(report.committed, report.aborted, report.acknowledged)).toBeGreaterThan(0)
}, 300_000)
