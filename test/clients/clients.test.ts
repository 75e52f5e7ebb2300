import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Embedded, startEmbedded } from '../harness/embedded.ts'
import { prepareClient, runClient } from './clients.ts'
import { type Language, LANGUAGES } from './language.ts'
import { CLIENT_MODE_NAMES, CLIENT_MODES, manifestsOf, queuesOf } from './modes.ts'
import { hasTool } from './tool.ts'

const CHECKS = [
  'open',
  'unknown-group',
  'publish',
  'publish-duplicate',
  'publish-refused',
  'info-pending',
  'fetch',
  'consume',
  'consume-waits',
  'consume-heartbeats',
  'next',
  'ack',
  'double-ack',
  'nak',
  'nak-delay',
  'in-progress',
  'visibility-timeout',
  'term',
  'no-wait-empty',
  'no-wait',
  'expires-empty',
  'expires-partial',
  'vanish',
  'reconnect',
]

const TOOLS: Readonly<Record<Language, readonly [command: string, ...args: string[]]>> = {
  js: [process.execPath, '--version'],
  go: ['go', 'version'],
  python: ['python3', '-m', 'venv', '--help'],
}

/** The checks of one mode wait out time limits for a minute and a half; this only ends what hangs. */
const HANGS_MS = 300_000

let embedded: Embedded
beforeAll(async () => {
  embedded = await startEmbedded({ manifests: manifestsOf(CLIENT_MODE_NAMES) })
}, 300_000)
afterAll(() => embedded[Symbol.asyncDispose]())

// One language after the other: each mode has one Queue. The modes at once: their checks mostly wait.
for (const language of LANGUAGES) {
  describe.skipIf(process.env.CI === undefined && missing(language))(`the stock ${language} client`, () => {
    beforeAll(() => prepareClient(language), 300_000)

    test.concurrent.for(CLIENT_MODE_NAMES)('%s', { timeout: HANGS_MS }, async (mode, { expect }) => {
      const checks = await runClient(language, { url: embedded.url, mode, ...queuesOf(mode) })
      const failed = checks.filter(({ ok }) => !ok)
      expect(failed, failed.length > 0 ? await stateOf(queuesOf(mode).queue) : '').toEqual([])
      expect(checks.map(({ check }) => check)).toEqual(CLIENT_MODES[mode].groups ? [...CHECKS, 'second-group'] : CHECKS)
    })
  })
}

describe('the programs', () => {
  test('fail, and say so, where a Queue is not there', async () => {
    const [open, ...others] = await runClient('js', { url: embedded.url, queue: 'nothere' })
    expect(open).toMatchObject({ check: 'open', ok: false })
    expect(others).toEqual([])
  })

  test('end with an error where a broker is not there', async () => {
    await expect(runClient('js', { url: 'nats://127.0.0.1:1', queue: 'orders' })).rejects.toThrow(/after 0 checks/)
  })
})

/** What the broker says of a Queue, for whoever looks for the cause of a failure. */
const stateOf = async (queue: string): Promise<string> =>
  (await fetch(`${embedded.httpUrl}/queues/${queue}/ledger`)).text()

function missing(language: Language): boolean {
  const [command, ...args] = TOOLS[language]
  return !hasTool(command, args)
}
