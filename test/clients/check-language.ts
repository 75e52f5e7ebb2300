import { afterAll, beforeAll, describe, test } from 'vitest'
import { type Embedded, startEmbedded } from '../harness/embedded.ts'
import { prepareClient, runClient } from './clients.ts'
import type { Language } from './language.ts'
import { CLIENT_MODE_NAMES, CLIENT_MODES, manifestsOf, queuesOf } from './modes.ts'
import { hasTool } from '../harness/tool.ts'

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

/** Runs a language's stock client against a broker of its own. The modes at once: their checks mostly wait. */
export function checkLanguage(language: Language): void {
  describe.skipIf(missing(language))(`the stock ${language} client`, () => {
    let embedded: Embedded
    beforeAll(async () => {
      embedded = await startEmbedded({ manifests: manifestsOf(CLIENT_MODE_NAMES) })
      await prepareClient(language)
    }, 600_000)
    afterAll(() => embedded?.[Symbol.asyncDispose]())

    test.concurrent.for(CLIENT_MODE_NAMES)('%s', { timeout: HANGS_MS }, async (mode, { expect }) => {
      const checks = await runClient(language, { url: embedded.url, mode, ...queuesOf(mode) })
      const failed = checks.filter(({ ok }) => !ok)
      expect(failed, failed.length > 0 ? await stateOf(embedded, queuesOf(mode).queue) : '').toEqual([])
      expect(checks.map(({ check }) => check)).toEqual(CLIENT_MODES[mode].groups ? [...CHECKS, 'second-group'] : CHECKS)
    })
  })
}

/** What the broker says of a Queue, for whoever looks for the cause of a failure. */
const stateOf = async ({ httpUrl }: Embedded, queue: string): Promise<string> =>
  (await fetch(`${httpUrl}/queues/${queue}/ledger`)).text()

/** Whether this machine has not what a language's programs need; in CI that is a failure. */
export function missing(language: Language): boolean {
  const [command, ...args] = TOOLS[language]
  return process.env.CI === undefined && !hasTool(command, args)
}
