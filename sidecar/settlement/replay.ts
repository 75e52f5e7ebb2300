import type { Ledger } from './ledger.ts'
import { allRanges, type SettlementRecord } from './record.ts'

/**
 * Puts into each lane's ledger what the records, oldest first, say of it. Returns the lanes that they speak of, and of those that
 * were stopped in good order how many deliveries they had made.
 */
export function replay(
  records: readonly SettlementRecord[],
  ledgers: ReadonlyMap<string, Ledger>,
): Map<string, number | undefined> {
  const named = new Map<string, number | undefined>()
  for (const record of records) {
    for (const [lane, settlements] of Object.entries(record.lanes)) {
      const ledger = ledgers.get(lane)
      if (ledger === undefined) continue
      // What came after a stop says that it was not the last one.
      named.set(lane, settlements.deliveries)
      if (settlements.floor !== undefined) ledger.droppedBelow(settlements.floor + 1)
      ledger.record(allRanges(settlements))
    }
  }
  return named
}
