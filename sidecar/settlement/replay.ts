import { OUTCOMES } from '../queue/lane-state.ts'
import { Account } from './account.ts'
import type { Ledger } from './ledger.ts'
import { allRanges, type LaneSettlements, type SettlementRecord } from './record.ts'

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

/**
 * What became of the messages of each group, by the records, oldest first: what the last snapshot says, and what came to an end after
 * it, each message once. Of lanes too that there are no more.
 *
 * @param groupOf the group of a lane's consumer
 * @param newLedger an empty one, of the kind that the Queue's lanes have
 */
export function replayAccounts(
  records: readonly SettlementRecord[],
  groupOf: (consumer: string) => string,
  newLedger: () => Ledger,
): Map<string, Account> {
  const snapshot = records.findLastIndex(({ accounts }) => accounts !== undefined)
  const accounts = new Map(
    Object.entries(records[snapshot]?.accounts ?? {}).map(([group, state]) => [group, new Account(state)]),
  )
  const ledgers = new Map<string, Ledger>()
  for (const [index, { lanes }] of records.entries()) {
    if (index < snapshot) continue
    for (const [consumer, settlements] of Object.entries(lanes)) {
      const account = accounts.get(groupOf(consumer))
      const counted = index > snapshot ? account : undefined
      const ledger = ledgers.get(consumer) ?? newLedger()
      ledgers.set(consumer, ledger)
      count(ledger, settlements, counted)
    }
  }
  return accounts
}

function count(ledger: Ledger, settlements: LaneSettlements, account: Account | undefined): void {
  if (settlements.floor !== undefined) {
    const missed = ledger.droppedBelow(settlements.floor + 1)
    account?.miss(missed)
  }
  for (const outcome of OUTCOMES) {
    const added = ledger.record(settlements[outcome] ?? [])
    account?.add(outcome, added)
  }
}
