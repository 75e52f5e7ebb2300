import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Embedded, startEmbedded } from '../harness/embedded.ts'
import { prepareClient, runClient } from './clients.ts'
import { type Language, LANGUAGES } from './language.ts'
import { CLIENTS_QUEUE } from './queue.ts'
import { hasTool } from './tool.ts'

const CHECKS = [
  'open',
  'unknown-group',
  'publish',
  'publish-duplicate',
  'info-pending',
  'fetch',
  'consume',
  'consume-waits',
  'double-ack',
  'nak',
  'nak-delay',
  'in-progress',
  'visibility-timeout',
  'term',
  'no-wait-empty',
  'expires-empty',
  'expires-partial',
]

let embedded: Embedded
beforeAll(async () => {
  embedded = await startEmbedded({ manifests: CLIENTS_QUEUE })
}, 300_000)
afterAll(() => embedded[Symbol.asyncDispose]())

describe('stock clients against a Queue', () => {
  for (const language of LANGUAGES) {
    test.skipIf(process.env.CI === undefined && missing(language))(
      `${language} client`,
      { timeout: 600_000 },
      async () => {
        await prepareClient(language)
        const checks = await runClient(language, { url: embedded.url, queue: 'orders' })
        expect(checks.filter(({ ok }) => !ok)).toEqual([])
        expect(checks.map(({ check }) => check)).toEqual(CHECKS)
      },
    )
  }

  test('a Queue that is not there fails, and says so', { timeout: 60_000 }, async () => {
    const [open, ...others] = await runClient('js', { url: embedded.url, queue: 'nothere' })
    expect(open).toMatchObject({ check: 'open', ok: false })
    expect(others).toEqual([])
  })

  test('a broker that is not there is an error', { timeout: 60_000 }, async () => {
    await expect(runClient('js', { url: 'nats://127.0.0.1:1', queue: 'orders' })).rejects.toThrow(/after 0 checks/)
  })
})

const TOOLS: Readonly<Record<Language, readonly [command: string, ...args: string[]]>> = {
  js: [process.execPath, '--version'],
  go: ['go', 'version'],
  python: ['python3', '-m', 'venv', '--help'],
}

function missing(language: Language): boolean {
  const [command, ...args] = TOOLS[language]
  return !hasTool(command, args)
}
