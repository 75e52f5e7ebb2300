import { setTimeout as delay } from 'node:timers/promises'
import { MEBIBYTE, residentBytes } from '../../harness/resident.ts'
import { tempFolder } from '../../harness/temp-folder.ts'
import { cases } from '../cases.ts'
import type { BenchModeName } from '../modes.ts'
import type { BenchOptions } from '../options.ts'
import { preload } from '../preload.ts'
import { type Durability, type Row, row } from '../row.ts'
import { ours } from '../sides/ours.ts'

/** What the sidecar is compared with: itself, with so few messages waiting. */
const FEW = 1000
/** After the last publish, until the sidecar has heard of it and looked at the queue twice. Milliseconds. */
const SETTLED_MS = 3000

/** MiB of resident memory of the sidecar with many messages waiting (`ours`) and with few (`raw`). Linux only. */
export async function memory(options: BenchOptions, progress: (line: string) => void): Promise<Row[]> {
  const rows: Row[] = []
  for (const [mode, durability] of cases(options)) {
    const runs = { many: [] as number[], few: [] as number[] }
    for (let run = 0; run < options.runs; run++) {
      for (const [name, messages] of [
        ['many', options.messages],
        ['few', FEW],
      ] as const) {
        const mebibytes = await measure(durability, mode, messages, options)
        runs[name].push(mebibytes)
        progress(`memory ${mode} ${durability} run ${run + 1} with ${messages} waiting: ${mebibytes} MiB`)
      }
    }
    rows.push(row({ name: 'memory', mode, durability }, 'MiB', runs.many, runs.few))
  }
  return rows
}

async function measure(
  durability: Durability,
  mode: BenchModeName,
  messages: number,
  { folder: parent, size }: BenchOptions,
): Promise<number> {
  await using folder = await tempFolder('bench', parent)
  const broker = await ours.start(folder.path, durability, mode)
  try {
    await preload(broker, messages, size)
    await delay(SETTLED_MS)
    return Math.round(((await residentBytes(broker.sidecarPid ?? 0)) / MEBIBYTE) * 10) / 10
  } finally {
    await broker.stop()
  }
}
