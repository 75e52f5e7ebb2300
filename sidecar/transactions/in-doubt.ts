import type { Transaction } from '../../crds/protocol/transaction.ts'
import type { Peers } from '../peers/peers.ts'
import { waitsOn } from './coordinator.ts'
import { type Entry, waitsFor } from './entry.ts'
import { type NotOnRecord, shown } from './record.ts'
import { SELF } from './run.ts'

/**
 * Transactions that nothing but somebody's decision makes go on: one whose producer was asked in vain, a broker's part in one that its coordinator
 * has in doubt or whose coordinator is gone, and one that is decided and waits for a participant that is gone. Nothing of them is guessed, and
 * none is dropped.
 */

/** From the decision on, for a participant that this broker is told of; it may be without what it had prepared. Milliseconds. */
export const ABSENT_MS = 10 * 60_000

type Peering = Pick<Peers, 'isGone'>

/** Participants of a committed transaction that somebody may decide not to wait for any more. Pure. @param now milliseconds since 1970 */
export function absentees({ record }: Entry, peers: Peering, now: number): string[] {
  const { coordinator, decidedAt = now } = record
  if (coordinator?.phase !== 'committing') return []
  return waitsOn(coordinator).filter((name) => name !== SELF && (peers.isGone(name) || now - decidedAt >= ABSENT_MS))
}

/** Pure. @param now milliseconds since 1970 */
export function isInDoubt(entry: Entry, peers: Peering, now: number): boolean {
  const { of, coordinator, participant } = entry.record
  if (of !== undefined)
    return participant?.phase === 'prepared' && (entry.isInDoubtThere || peers.isGone(of.coordinator))
  return coordinator?.phase === 'inDoubt' || absentees(entry, peers, now).length > 0
}

/** One that is not at its end, as clients are shown it. Pure. @param now milliseconds since 1970 */
export function shownNow(entry: Entry, peers: Peering, now: number): Transaction {
  return shown(entry.record, {
    waitsFor: reasonOf(entry, peers, now),
    waits: waitsOf(entry),
    inDoubt: isInDoubt(entry, peers, now),
  })
}

function reasonOf(entry: Entry, peers: Peering, now: number): string | undefined {
  const { id, record, waits } = entry
  const { of } = record
  if (of !== undefined && isInDoubt(entry, peers, now)) {
    const todo = peers.isGone(of.coordinator)
      ? `decide it with pillion tx resolve ${of.id} commit or abort --coordinator ${of.coordinator}`
      : `broker ${of.coordinator} has it in doubt: decide it there, with pillion tx resolve ${of.id} commit or abort`
    return [waits.get(of.coordinator), todo].filter((text) => text !== undefined).join('; ')
  }
  const [absent] = absentees(entry, peers, now)
  if (absent === undefined) return waitsFor(entry)
  const why = waits.get(absent) ?? `broker ${absent} has not said that it carried out its part`
  return `${why}; if it is gone for good, end it without its part: pillion tx resolve ${id} commit --without ${absent}`
}

function waitsOf({ record, waits }: Entry): NotOnRecord['waits'] {
  const { coordinator, decidedAt } = record
  if (coordinator?.phase !== 'committing' || decidedAt === undefined) return []
  const since = new Date(decidedAt).toISOString()
  return waitsOn(coordinator).map((name) => {
    const reason = waits.get(name)
    return {
      ...(name === SELF ? {} : { broker: name }),
      since,
      ...(reason === undefined ? {} : { reason }),
    }
  })
}
