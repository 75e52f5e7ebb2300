import type { Ledger } from './ledger.ts'
import { allRanges, type SettlementRecord } from './record.ts'

/** Puts into each lane's ledger what the records, oldest first, say of it. Returns the lanes that they speak of. */
export function replay(records: readonly SettlementRecord[], ledgers: ReadonlyMap<string, Ledger>): Set<string> {
  const named = new Set<string>()
  for (const record of records) {
    for (const [lane, settlements] of Object.entries(record.lanes)) {
      const ledger = ledgers.get(lane)
      if (ledger === undefined) continue
      named.add(lane)
      if (settlements.floor !== undefined) ledger.droppedBelow(settlements.floor + 1)
      ledger.record(allRanges(settlements))
    }
  }
  return named
}
