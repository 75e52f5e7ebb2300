import { tempFolder } from '../harness/temp-folder.ts'
import type { BenchModeName } from './modes.ts'
import { preload } from './preload.ts'
import type { Durability } from './row.ts'
import type { Broker, Side } from './sides/side.ts'

export interface Filling {
  readonly mode: BenchModeName
  readonly durability: Durability
  readonly messages: number
  /** Bytes of a body. */
  readonly size: number
  /** Where the broker's folder is made. */
  readonly folder: string
  readonly groups?: number
}

/** Measures a broker, on a fresh folder, whose queue is full. */
export async function onFilled<T>(side: Side, filling: Filling, measure: (broker: Broker) => Promise<T>): Promise<T> {
  const { mode, durability, messages, size, groups } = filling
  await using folder = await tempFolder('bench', filling.folder)
  // With Interval whatever is measured, since that is many times faster to fill; stopping the broker puts it all on disk.
  const filled = await side.start(folder.path, 'Interval', mode, groups)
  try {
    await preload(filled, messages, size)
  } finally {
    await filled.stop()
  }
  const broker = await side.start(folder.path, durability, mode, groups)
  try {
    return await measure(broker)
  } finally {
    await broker.stop()
  }
}
