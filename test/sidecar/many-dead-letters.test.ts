import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { headers as natsHeaders } from '@nats-io/transport-node'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { MEBIBYTE, residentBytes } from '../harness/resident.ts'
import { TestBroker, TOKEN, until } from './harness.ts'

const run = promisify(execFile)

/** `PILLION_DEAD_LETTERS=1000000` takes a minute and a half. */
const COUNT = Number(process.env.PILLION_DEAD_LETTERS ?? 20_000)
const PAGE = 100
const FLUSH_EVERY = 2000
/** Of the sidecar, more than before, whatever their number. MiB. */
const GROWTH_MEBIBYTES = 256
const PILLION = fileURLToPath(new URL('../../sidecar/cli/main.ts', import.meta.url))

let broker: TestBroker

beforeAll(async () => {
  broker = await TestBroker.start({ sidecar: 'ownProcess' })
})
afterAll(() => broker?.[Symbol.asyncDispose]())

/** One that the sidecar made, and then the same again under other numbers: making each of them is not what is looked at. */
async function fill(queue: string): Promise<void> {
  const puller = await broker.puller(queue)
  await broker.publish(queue, 'm0')
  await (await puller.one()).settle('+TERM')
  const [made] = await broker.admin.deadLetters(queue)
  if (made === undefined) throw new Error('there is no dead letter')
  const { connection } = broker.admin
  for (let n = 1; n < COUNT; n++) {
    const headers = natsHeaders()
    for (const [name, value] of Object.entries(made.headers))
      headers.set(name, name === 'Nats-Msg-Id' ? `${value}-${n}` : value)
    connection.publish(made.subject, `m${n}`, { headers })
    if (n % FLUSH_EVERY === 0) await connection.flush()
  }
  await until('all are there', async () => (await broker.api.get(queue)).messages.deadLettered === COUNT)
}

const pillion = async (...args: string[]): Promise<{ stdout: string; stderr: string }> =>
  run(process.execPath, [PILLION, ...args, '--http', broker.sidecar.url], {
    env: { ...process.env, PILLION_TOKEN: TOKEN },
  })

const residentMebibytes = async (): Promise<number> => (await residentBytes(broker.sidecar.pid ?? 0)) / MEBIBYTE

it(`lists, counts and brings back ${COUNT} dead letters, in memory that does not grow with them`, async () => {
  const queue = 'many'
  await broker.api.put(queue, {
    retention: { maxMessages: 2 * COUNT, maxBytes: '4Gi' },
    deadLetter: { maxBytes: '4Gi' },
  })
  await fill(queue)
  const before = await residentMebibytes()

  const page = await broker.api.request('GET', `/queues/${queue}/dead-letters?limit=${PAGE}`)
  expect(JSON.parse(page.text)).toMatchObject({ messages: { length: PAGE } })
  expect((await pillion('dlq', 'redrive', queue, '--dry-run')).stdout).toContain(`${COUNT} messages would be done`)
  const { stdout, stderr } = await pillion('dlq', 'redrive', queue)
  expect(stdout).toContain(`${COUNT} messages, succeeded`)
  if (COUNT >= 1_000_000) expect(stderr).toMatch(/\[#+-+\] \d+\/\d+ done \d+, \d+\/s/)

  expect((await broker.api.get(queue)).messages).toMatchObject({ ready: COUNT, deadLettered: 0 })
  expect((await broker.api.ledger(queue)).unaccounted).toBe(0)
  const growth = (await residentMebibytes()) - before
  if (process.env.PILLION_SHOW !== undefined) console.log(`${before.toFixed(0)} MiB + ${growth.toFixed(0)} MiB`)
  expect(growth).toBeLessThan(GROWTH_MEBIBYTES)
}, 600_000)
