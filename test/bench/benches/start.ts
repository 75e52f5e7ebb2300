import { jetstream } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { tempFolder } from '../../harness/temp-folder.ts'
import { cases } from '../cases.ts'
import type { BenchModeName } from '../modes.ts'
import type { BenchOptions } from '../options.ts'
import { type Durability, type Row, row } from '../row.ts'
import { ours } from '../sides/ours.ts'
import { raw } from '../sides/raw.ts'
import type { Side } from '../sides/side.ts'
import { inTurns } from '../turns.ts'

/**
 * Milliseconds from starting a broker on an empty folder, with the manifest of one Queue, until a first message was published, delivered and acknowledged;
 * raw: nats-server, with a stream and a consumer made by a client.
 */
export async function start(options: BenchOptions, progress: (line: string) => void): Promise<Row[]> {
  const rows: Row[] = []
  for (const [mode, durability] of cases(options)) {
    const runs = await inTurns(
      [ours, raw],
      options.runs,
      (side) => measure(side, durability, mode, options),
      (ms, run, { name }) => progress(`start ${mode} ${durability} run ${run} ${name}: ${ms} ms`),
    )
    rows.push(row({ name: 'start', mode, durability }, 'ms', runs.ours, runs.raw))
  }
  return rows
}

async function measure(
  side: Side,
  durability: Durability,
  mode: BenchModeName,
  { folder: parent, size }: BenchOptions,
): Promise<number> {
  await using folder = await tempFolder('bench', parent)
  const started = performance.now()
  const broker = await side.start(folder.path, durability, mode)
  try {
    const connection = await connect({ servers: broker.url, maxReconnectAttempts: 0 })
    try {
      const js = jetstream(connection)
      await js.publish(broker.subject(0), new Uint8Array(size))
      const consumer = await js.consumers.get(broker.stream, broker.consumer)
      const message = await consumer.next({ expires: 10_000 })
      if (!(await message?.ackAck())) throw new Error('the first message was not delivered and acknowledged')
      return Math.round(performance.now() - started)
    } finally {
      await connection.close()
    }
  } finally {
    await broker.stop()
  }
}
