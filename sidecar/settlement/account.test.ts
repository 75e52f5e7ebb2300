import { fc, test } from '@fast-check/vitest'
import { expect, it } from 'vitest'
import { OUTCOMES } from '../queue/lane-state.ts'
import { Account, LOSSES } from './account.ts'
import { LaneLedger } from './lane-ledger.ts'
import { decodeRecord, encodeRecord, type LaneSettlements, type SettlementRecord } from './record.ts'
import { replayAccounts } from './replay.ts'
import { SpreadLedger } from './spread-ledger.ts'

const LANE = 'workers_fifo'
const LAST = 40

/** What happens to a lane of 40 messages: some come to an end, the oldest leave, a snapshot is made. */
const events = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ end: fc.constantFrom(...OUTCOMES), from: fc.integer({ min: 1, max: LAST }) }) },
    { weight: 2, arbitrary: fc.record({ leave: fc.integer({ min: 1, max: LAST }) }) },
    { weight: 1, arbitrary: fc.constant({ snapshot: true as const }) },
    { weight: 1, arbitrary: fc.constant({ repeat: true as const }) },
    { weight: 1, arbitrary: fc.record({ waiting: fc.constantFrom(...LOSSES) }) },
  ),
  { maxLength: 60 },
)

/** Plays them, as the settler does; what is in the log in the end, and the account. */
function play(list: ReadonlyArray<typeof events extends fc.Arbitrary<ReadonlyArray<infer E>> ? E : never>) {
  const ledger = new LaneLedger()
  const account = Account.startingAt(0)
  let log: SettlementRecord[] = []
  const snapshot = (): SettlementRecord => ({
    stream: 's',
    at: 0,
    lanes: { [LANE]: { floor: ledger.floor, acknowledged: ledger.ranges() } },
    accounts: { workers: account.state },
  })
  log.push(snapshot())
  for (const event of list) {
    if ('end' in event) {
      if (ledger.isSettled(event.from)) continue
      const settlements: LaneSettlements = { floor: ledger.floor, [event.end]: [[event.from, event.from]] }
      log.push({ stream: 's', at: 0, lanes: { [LANE]: settlements } })
      account.add(event.end, ledger.record([[event.from, event.from]]))
    } else if ('leave' in event) account.miss(ledger.droppedBelow(event.leave))
    else if ('waiting' in event) account.endedWaiting(event.waiting, 1)
    else if ('snapshot' in event) log = [snapshot()]
    else {
      // Stored, not confirmed, and so repeated.
      const latest = log.at(-1)
      if (latest !== undefined && latest.accounts === undefined) log.push(latest)
    }
  }
  const there = LAST - ledger.floor - ledger.ranges().reduce((sum, [from, to]) => sum + to - from + 1, 0)
  return { log: log.map((record) => decodeRecord(encodeRecord(record)) ?? record), account, ledger, there }
}

test.prop([events, fc.boolean()])('what is counted is the same after a restart', (list, dense) => {
  const { log, account } = play(list)
  const newLedger = () => (dense ? new LaneLedger() : new SpreadLedger())
  const replayed = replayAccounts(log, () => 'workers', newLedger).get('workers')
  expect(replayed?.ended).toEqual(account.ended)
})

test.prop([events])('every message is on record, gone or there', (list) => {
  const { account, there } = play(list)
  const { missed, ended, lost } = account.state
  const ofThose = lost.expired + lost.evicted + lost.replaced
  expect(account.unaccounted(LAST, there)).toBe(missed + ended.dropped - ofThose)
  account.explain('expired', account.unaccounted(LAST, there), true)
  expect(account.unaccounted(LAST, there)).toBe(0)
})

test.prop([events])('no more is explained than was seen to go', (list) => {
  const { account, there } = play(list)
  const lost = 3
  account.explain('evicted', account.unaccounted(LAST, there - lost), true)
  expect(account.unaccounted(LAST, there - lost)).toBe(lost)
})

test.prop([fc.nat(50), fc.nat(50), fc.constantFrom(...LOSSES)])(
  'what ended while it waited was accepted, and explains nothing else',
  (waited, seen, loss) => {
    const account = Account.startingAt(0)
    account.endedWaiting(loss, waited)
    expect([account.accepted(0), account.lost[loss], account.unaccounted(0, 0)]).toEqual([waited, waited, 0])
    account.miss(seen)
    account.explain('evicted', account.unaccounted(100, 0), true)
    expect(account.unaccounted(100, 0)).toBe(100 - seen)
  },
)

it('takes back what was taken for lost and came to an end', () => {
  const account = Account.startingAt(0)
  account.explain('replaced', 3, false)
  account.add('acknowledged', 2)
  account.takeBack(-account.unaccounted(3, 0))
  expect([account.lost.replaced, account.unaccounted(3, 0)]).toEqual([1, 0])
})

it('goes on counting where the end of the stream was lost', () => {
  const account = Account.startingAt(0)
  account.add('acknowledged', 10)
  account.rebase(6, 2)
  expect([account.accepted(6), account.unaccounted(6, 2), account.accepted(7)]).toEqual([12, 0, 13])
})
