import { cases } from '../cases.ts'
import { onFilled } from '../filled.ts'
import type { BenchOptions } from '../options.ts'
import { buildLoad } from '../programs/load.ts'
import { type Row, row } from '../row.ts'
import { ours } from '../sides/ours.ts'
import { raw } from '../sides/raw.ts'
import type { Side } from '../sides/side.ts'
import { inTurns } from '../turns.ts'

const CONSUMERS = { all: [1, 4, 16], quick: [4] } as const

/**
 * Deliveries a second, acknowledged, to so many consumers that each see every message (consumer groups; of raw JetStream consumers of a stream with
 * interest retention), and to so many that share the messages of one group.
 */
export async function fanout(options: BenchOptions, progress: (line: string) => void): Promise<Row[]> {
  const load = await buildLoad()
  const rows: Row[] = []
  for (const [mode, durability] of cases(options)) {
    for (const consumers of options.quick ? CONSUMERS.quick : CONSUMERS.all) {
      for (const [name, groups] of [
        ['fanout', consumers],
        ['fanout-shared', 1],
      ] as const) {
        // As many deliveries, however many are to see each.
        const messages = Math.ceil(options.messages / groups)
        const measure = (side: Side): Promise<number> =>
          onFilled(side, { ...options, mode, durability, messages, groups }, async (broker) => {
            const named = groups > 1 ? broker.consumers : Array.from({ length: consumers }, () => broker.consumer)
            const asked = { server: broker.url, stream: broker.stream, consumers: named.join(',') }
            return (await load({ do: 'consume', ...asked, messages: messages * groups })).rate
          })
        const runs = await inTurns([ours, raw], options.runs, measure, (rate, run, side) =>
          progress(`${name} ${mode} ${durability} ${consumers} consumers run ${run} ${side.name}: ${rate} msg/s`),
        )
        rows.push(row({ name, mode, durability, consumers }, 'msg/s', runs.ours, runs.raw))
      }
    }
  }
  return rows
}
