import type { LedgerCounts } from './ledger.ts'
import type { Mode } from './modes.ts'
import type { OrderCounts } from './order/order-check.ts'

export interface Report extends LedgerCounts, OrderCounts {
  readonly mode: Mode
  /** Tells this run's messages apart. */
  readonly run: string
  /** Published, and no PubAck came although it was tried until publishing was given up or aborted. */
  readonly unacknowledged: number
  /** Messages of the run that were not even sent. */
  readonly unsent: number
  /** The first lost messages, by Msg-Id, ten at most. */
  readonly lostIds: readonly string[]
  /** Deliveries of messages that are not of this run. */
  readonly foreign: number
  /** Publishes sent again since no PubAck came or it said no. */
  readonly publishRetries: number
  /** What the last publish that failed was answered. */
  readonly lastPublishError?: string
  /** PubAcks that said that the message was there already. */
  readonly publishDuplicates: number
  /** Double acknowledgements that were not answered in time. */
  readonly unconfirmed: number
  /** Connections that came back. */
  readonly reconnects: number
  /** Consumers that the client library gave up and that were opened again. */
  readonly consumerRestarts: number
  /** Consumers that died with a message in hand, as they were told to. */
  readonly consumersKilled: number
  /** Longest time without a new message between the first and the last, in seconds. */
  readonly longestPauseSeconds: number
  /** From the first publish to the last new message, in seconds. */
  readonly seconds: number
  /** Messages consumed a second. */
  readonly rate: number
  /** What the group still holds at the end, by its consumer info (num_pending + num_ack_pending); null where it could not be asked. */
  readonly left: number | null
  /** The run was stopped before its end, so `lost` says nothing about what was still to come. */
  readonly aborted: boolean
}

/**
 * 0: all delivered, in the order that the mode promises; 1: something was lost, or out of that order; 2: not everything could be
 * published and acknowledged, or the run was stopped.
 */
export function exitCode(report: Report): 0 | 1 | 2 {
  if (report.aborted) return 2
  if (report.lost > 0 || report.orderViolations > 0 || (report.overlaps ?? 0) > 0) return 1
  return report.unacknowledged > 0 || report.unsent > 0 ? 2 : 0
}

/** For people: what counts first, the rest where it is not nought. */
export function formatReport(report: Report): string {
  const rest = Object.entries(report).filter(
    ([name, value]) => !FIRST.some((first) => first === name) && value !== 0 && value !== false && String(value) !== '',
  )
  return [
    ...FIRST.map((name) => [name, report[name]] as const),
    ...rest.map(([name, value]) => [name, Array.isArray(value) ? value.join(' ') : value] as const),
  ]
    .map(([name, value]) => `${name.padEnd(22)}${String(value)}`)
    .join('\n')
}

const FIRST = ['published', 'acknowledged', 'consumed', 'lost', 'duplicates', 'outOfOrder', 'orderViolations'] as const
