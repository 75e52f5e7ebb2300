import { parseArgs } from 'node:util'
import { startEmbedded } from '../harness/embedded.ts'
import { type Check, runClient, type Target } from './clients.ts'
import { LANGUAGES, type Language } from './language.ts'
import { CLIENTS_QUEUE } from './queue.ts'

const USAGE = `npm run conformance -- [--lang ${LANGUAGES.join('|')}] [--server <url> --queue <name> …]

Stock NATS clients against a Queue: all languages and an embedded broker unless told otherwise.

  --lang <language>    ${LANGUAGES.join(' | ')} (all)
  --server <url>       an existing broker, nats://host:port
  --queue <name>       an empty Queue on it, used by nobody else (orders)
  --group <name>       consumer group (workers)
  --user, --password   credentials
  --json               one JSON object a line: {"language", "check", "ok", "detail"}
`

async function main(args: readonly string[]): Promise<number> {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    args: [...args],
    options: {
      lang: text,
      server: text,
      queue: { ...text, default: 'orders' },
      group: { ...text, default: 'workers' },
      user: text,
      password: text,
      json: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  })
  if (values.help) {
    process.stdout.write(USAGE)
    return 0
  }
  const { queue, group, user, password, server } = values
  await using embedded = server === undefined ? await startEmbedded({ manifests: CLIENTS_QUEUE }) : undefined
  const target: Target = {
    url: server ?? embedded?.url ?? '',
    queue,
    group,
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { password }),
  }
  let failed = 0
  for (const language of languages(values.lang)) {
    await runClient(language, target, (check) => {
      if (!check.ok) failed++
      process.stdout.write(values.json ? `${JSON.stringify({ language, ...check })}\n` : line(language, check))
    })
  }
  return failed > 0 ? 1 : 0
}

function languages(given: string | undefined): readonly Language[] {
  if (given === undefined) return LANGUAGES
  const found = LANGUAGES.find((language) => language === given)
  if (found !== undefined) return [found]
  throw new Error(`--lang is "${given}"; it must be ${LANGUAGES.join(', ')}`)
}

const line = (language: Language, { check, ok, detail }: Check): string =>
  `${ok ? 'ok    ' : 'FAILED'}  ${language.padEnd(6)}  ${check.padEnd(20)}  ${detail}\n`

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  process.stderr.write(`conformance: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(2)
}
