import { parseArgs } from 'node:util'
import type { Target } from './clients.ts'
import { type Language, LANGUAGES } from './language.ts'
import { CLIENT_MODE_NAMES, type ClientModeName, isClientMode } from './modes.ts'

export const USAGE = `npm run conformance -- [--lang ${LANGUAGES.join('|')}] [--mode <mode>|all] [--server <url> --queue <name> …]

Stock NATS clients against Queues of every mode: all languages, all modes and an embedded broker unless told otherwise.

  --lang <language>    ${LANGUAGES.join(' | ')} (all)
  --mode <mode>        ${CLIENT_MODE_NAMES.join(' | ')} | all (all; with --server: Fifo)
  --server <url>       an existing broker, nats://host:port
  --queue <name>       an empty Queue of the mode on it, used by nobody else (orders)
  --pair <name>        another, with the groups workers and audit; left out: a second group is not checked
  --group <name>       consumer group (workers)
  --user, --password   credentials
  --json               one JSON object a line: {"language", "mode", "check", "ok", "detail"}
  --table              writes the table of the README; of all languages and modes on an embedded broker only
`

export interface Options {
  readonly languages: readonly Language[]
  readonly modes: readonly ClientModeName[]
  /** An existing broker; undefined: an embedded one. */
  readonly target: Target | undefined
  readonly json: boolean
  readonly table: boolean
}

/** Reads the command line; undefined when help is asked for. Throws Error that names the option. */
export function readOptions(args: readonly string[]): Options | undefined {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    args: [...args],
    options: {
      lang: text,
      mode: text,
      server: text,
      queue: text,
      pair: text,
      group: text,
      user: text,
      password: text,
      json: { type: 'boolean', default: false },
      table: { type: 'boolean', default: false },
      help: { type: 'boolean' },
    },
  })
  if (values.help) return undefined
  const { lang, mode, server, json, table } = values
  const languages = languagesOf(lang)
  const modes = modesOf(mode ?? (server === undefined ? 'all' : 'Fifo'))
  if (table && (server !== undefined || languages !== LANGUAGES || modes !== CLIENT_MODE_NAMES)) {
    throw new Error(
      '--table is of all languages and modes on an embedded broker; leave out --lang, --mode and --server',
    )
  }
  if (server === undefined) {
    for (const name of ['queue', 'pair', 'group', 'user', 'password'] as const) {
      if (values[name] !== undefined) throw new Error(`--${name} needs --server: an embedded broker has its own`)
    }
    return { languages, modes, target: undefined, json, table }
  }
  const [only, ...others] = modes
  if (only === undefined || others.length > 0) throw new Error('--mode is the mode of --queue; with --server it is one')
  const { queue = 'orders', pair, group, user, password } = values
  const given = Object.entries({ pair, group, user, password }).filter(([, value]) => value !== undefined)
  return { languages, modes, target: { url: server, queue, mode: only, ...Object.fromEntries(given) }, json, table }
}

function languagesOf(given: string | undefined): readonly Language[] {
  if (given === undefined) return LANGUAGES
  const found = LANGUAGES.find((language) => language === given)
  if (found !== undefined) return [found]
  throw new Error(`--lang is "${given}"; it must be ${LANGUAGES.join(', ')}`)
}

function modesOf(given: string): readonly ClientModeName[] {
  if (given === 'all') return CLIENT_MODE_NAMES
  if (isClientMode(given)) return [given]
  throw new Error(`--mode is "${given}"; it must be ${CLIENT_MODE_NAMES.join(', ')} or all`)
}
