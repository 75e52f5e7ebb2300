import { LaneLedger } from './lane-ledger.ts'
import { allRanges, type SettlementRecord } from './record.ts'

/** What the records, oldest first, say of each lane. */
export function replay(records: readonly SettlementRecord[]): Map<string, LaneLedger> {
  const ledgers = new Map<string, LaneLedger>()
  for (const record of records) {
    for (const [lane, settlements] of Object.entries(record.lanes)) {
      const ledger = ledgers.get(lane) ?? new LaneLedger()
      ledgers.set(lane, ledger)
      if (settlements.floor !== undefined) ledger.droppedBelow(settlements.floor + 1)
      ledger.record(allRanges(settlements))
    }
  }
  return ledgers
}
