import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Check } from './clients.ts'
import { type Language, LANGUAGES } from './language.ts'
import { CLIENT_MODE_NAMES, type ClientModeName } from './modes.ts'

const README = fileURLToPath(new URL('../../README.md', import.meta.url))
const BEGIN = '<!-- npm run conformance -- --table -->'
const END = '<!-- end -->'

/** Where each client's version is declared, and what it is called. */
const CLIENTS: Readonly<Record<Language, { heading: string; file: string; version: RegExp }>> = {
  js: {
    heading: 'JavaScript, `@nats-io/jetstream`',
    file: '../../package.json',
    version: /"@nats-io\/jetstream": "(.+)"/,
  },
  go: { heading: 'Go, `nats.go/jetstream`', file: 'go/go.mod', version: /github\.com\/nats-io\/nats\.go v(\S+)/ },
  python: { heading: 'Python, `nats-py`', file: 'python/requirements.txt', version: /nats-py==(\S+)/ },
}

/** The checks of every mode and language, by `<mode> <language>`. */
export type Results = Map<`${ClientModeName} ${Language}`, readonly Check[]>

/** Checks that passed, of those that were made, by mode and language. Pure. */
export function conformanceTable(results: Results, versions: Readonly<Record<Language, string>>): string {
  const rows = CLIENT_MODE_NAMES.map((mode) => [
    `\`${mode}\``,
    ...LANGUAGES.map((language) => {
      const checks = results.get(`${mode} ${language}`) ?? []
      return `${checks.filter(({ ok }) => ok).length}/${checks.length}`
    }),
  ])
  const heading = ['mode', ...LANGUAGES.map((language) => `${CLIENTS[language].heading} ${versions[language]}`)]
  return [heading, heading.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |\n`).join('')
}

/** Puts a table in the place of the one before. Pure. Throws when the text has no place for it. */
export function withTable(text: string, table: string): string {
  const [before, rest] = text.split(`${BEGIN}\n`)
  const after = rest?.slice(rest.indexOf(END))
  if (before === undefined || !after?.startsWith(END)) throw new Error(`README.md has no ${BEGIN} … ${END}`)
  return `${before}${BEGIN}\n\n${table}\n${after}`
}

/** Writes the table of the README. */
export async function writeTable(results: Results): Promise<void> {
  const [js, go, python] = await Promise.all([versionOf('js'), versionOf('go'), versionOf('python')])
  const versions = { js, go, python }
  await writeFile(README, withTable(await readFile(README, 'utf8'), conformanceTable(results, versions)))
}

async function versionOf(language: Language): Promise<string> {
  const { file, version } = CLIENTS[language]
  const [, found] = version.exec(await readFile(new URL(file, import.meta.url), 'utf8')) ?? []
  if (found === undefined) throw new Error(`${file} names no version of the client`)
  return found
}
