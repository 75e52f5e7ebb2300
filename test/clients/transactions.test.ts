import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { numbered, TestBroker } from '../sidecar/harness.ts'
import { missing } from './check-language.ts'
import { goProgram } from './go.ts'
import { type Language, LANGUAGES, type Program } from './language.ts'
import { pythonProgram } from './python.ts'
import { runTool } from '../harness/tool.ts'

const script = (path: string): string => fileURLToPath(new URL(path, import.meta.url))
const PROGRAMS: Readonly<Record<Language, () => Promise<Program>>> = {
  js: async () => ({ command: process.execPath, args: [script('javascript/transactions.ts')] }),
  go: () => goProgram('transactions'),
  python: () => pythonProgram('transactions.py'),
}
const COUNT = 30

describe('copying a queue to two others, each message once', () => {
  let broker: TestBroker
  beforeAll(async () => {
    broker = await TestBroker.start({ sidecar: 'ownProcess' })
  })
  afterAll(() => broker?.[Symbol.asyncDispose]())

  test.for<Language>(LANGUAGES)(
    '%s, with a sidecar that is killed meanwhile',
    { timeout: 600_000 },
    async (language, { skip }) => {
      skip(missing(language), 'its tools are not there')
      const [from, one, two] = [`${language}-from`, `${language}-one`, `${language}-two`]
      // Time limits of the clients stand in the way of no kill.
      const spec = { deduplication: { window: '100ms' }, retry: { visibilityTimeout: '30s' } }
      for (const queue of [from, one, two]) await broker.api.put(queue, spec)
      await broker.publish(from, ...numbered(COUNT))
      const { command, args } = await PROGRAMS[language]()
      const copying = runTool(command, [...args, broker.nats.url, from, one, two, String(COUNT)], {
        cwd: script('.'),
        missing: 'install what the README names',
      })
      const killing = (async () => {
        while ((await broker.admin.stream(one)).state.last_seq < COUNT / 3) await new Promise(setImmediate)
        await broker.sidecar.kill()
        await broker.sidecar.start()
        await broker.ready()
      })()
      await Promise.all([copying, killing])
      for (const queue of [one, two]) {
        const messages = await broker.admin.messages(queue)
        expect(messages.map(({ text }) => text).toSorted()).toEqual(numbered(COUNT).toSorted())
        expect(messages.every(({ headers }) => headers['Pillion-Transaction'] !== undefined)).toBe(true)
      }
      expect(await broker.api.ledger(from)).toMatchObject({
        acknowledged: COUNT,
        ready: 0,
        inFlight: 0,
        unaccounted: 0,
      })
    },
  )
})
