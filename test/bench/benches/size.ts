import { tempFolder } from '../../harness/temp-folder.ts'
import { cases } from '../cases.ts'
import { onFilled } from '../filled.ts'
import type { BenchOptions } from '../options.ts'
import { buildLoad } from '../programs/load.ts'
import { type Row, row } from '../row.ts'
import { ours } from '../sides/ours.ts'
import { raw } from '../sides/raw.ts'
import type { Side } from '../sides/side.ts'
import { inTurns } from '../turns.ts'

/** Bytes of a body. */
const SIZES = { all: [64, 256, 4096, 65_536, 1_048_576], quick: [64, 65_536] } as const

/** Of a run, at most, so that none fills the disk. */
const RUN_BYTES = 256 * 1024 * 1024
const IN_FLIGHT = 100
/** Of bodies in flight: a quarter of what a sidecar holds. */
const IN_FLIGHT_BYTES = 16 * 1024 * 1024

/** Messages of a run, and publishes in flight, with bodies of so many bytes. */
export const amounts = (messages: number, size: number): { readonly messages: number; readonly inFlight: number } => ({
  messages: Math.min(messages, RUN_BYTES / size),
  inFlight: Math.min(IN_FLIGHT, IN_FLIGHT_BYTES / size),
})

/** Messages a second of publish, and of consume + acknowledge, with small and large bodies. */
export async function size(options: BenchOptions, progress: (line: string) => void): Promise<Row[]> {
  const load = await buildLoad()
  const rows: Row[] = []
  for (const [mode, durability] of cases(options)) {
    for (const bytes of options.quick ? SIZES.quick : SIZES.all) {
      const { messages, inFlight } = amounts(options.messages, bytes)
      const publishes = async (side: Side): Promise<number> => {
        await using folder = await tempFolder('bench', options.folder)
        const broker = await side.start(folder.path, durability, mode)
        try {
          const asked = { server: broker.url, subject: broker.subject(0), 'in-flight': inFlight, size: bytes }
          return (await load({ ...asked, messages, longest: options.quick ? '1s' : '3s' })).rate
        } finally {
          await broker.stop()
        }
      }
      const consumes = (side: Side): Promise<number> =>
        onFilled(side, { ...options, mode, durability, messages, size: bytes }, async ({ url, stream, consumer }) => {
          const asked = { do: 'consume', server: url, stream, consumers: consumer, messages, size: bytes }
          return (await load(asked)).rate
        })
      for (const [what, measure] of [
        ['publish', publishes],
        ['consume', consumes],
      ] as const) {
        const runs = await inTurns([ours, raw], options.runs, measure, (rate, run, { name }) =>
          progress(`size ${mode} ${durability} ${what} of ${bytes} bytes run ${run} ${name}: ${rate} msg/s`),
        )
        const flights = what === 'publish' ? { inFlight } : {}
        rows.push(
          row({ name: `size-${what}`, mode, durability, size: bytes, ...flights }, 'msg/s', runs.ours, runs.raw),
        )
      }
    }
  }
  return rows
}
