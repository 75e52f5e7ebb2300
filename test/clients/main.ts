import { startEmbedded } from '../harness/embedded.ts'
import { type Check, prepareClient, runClient, type Target } from './clients.ts'
import type { Language } from './language.ts'
import { type ClientModeName, manifestsOf, queuesOf } from './modes.ts'
import { type Options, readOptions, USAGE } from './options.ts'
import { type Results, writeTable } from './table.ts'

async function main({ languages, modes, target, json, table }: Options): Promise<number> {
  await using embedded = target === undefined ? await startEmbedded({ manifests: manifestsOf(modes) }) : undefined
  const targetOf = (mode: ClientModeName): Target => target ?? { url: embedded?.url ?? '', mode, ...queuesOf(mode) }
  const results: Results = new Map()
  for (const language of languages) {
    await prepareClient(language)
    // Every mode has a Queue of its own, and mostly waits.
    const runs = modes.map(async (mode) => {
      const checks = await runClient(language, targetOf(mode), (check) =>
        process.stdout.write(json ? `${JSON.stringify({ language, mode, ...check })}\n` : line(language, mode, check)),
      )
      results.set(`${mode} ${language}`, checks)
    })
    const failed = (await Promise.allSettled(runs)).find(({ status }) => status === 'rejected')
    if (failed?.status === 'rejected') throw failed.reason
  }
  if (table) await writeTable(results)
  return [...results.values()].flat().every(({ ok }) => ok) ? 0 : 1
}

const line = (language: Language, mode: ClientModeName, { check, ok, detail }: Check): string =>
  `${ok ? 'ok    ' : 'FAILED'}  ${language.padEnd(6)}  ${mode.padEnd(16)}  ${check.padEnd(18)}  ${detail}\n`

try {
  const options = readOptions(process.argv.slice(2))
  if (options === undefined) process.stdout.write(USAGE)
  else process.exitCode = await main(options)
} catch (error) {
  process.stderr.write(`conformance: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(2)
}
