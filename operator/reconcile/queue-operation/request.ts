import type { QueueOperationSpec } from '../../../crds/index.ts'
import type { OtherBroker } from '../../../crds/protocol/copies.ts'
import type { OperationRequest } from '../../../crds/protocol/operation.ts'

const KINDS = { Redrive: 'redrive', Purge: 'purge', Move: 'move' } as const
const SOURCES = { Messages: 'messages', DeadLetters: 'dead-letters' } as const
const REASONS = {
  MaxAttempts: 'max-attempts',
  Timeout: 'timeout',
  Rejected: 'rejected',
  Expired: 'expired',
  Evicted: 'evicted',
  Invalid: 'invalid',
} as const

/** What a QueueOperation asks of the sidecar. Pure. */
export function requestOf(
  { kind, from, to, select, ratePerSecond, dryRun }: QueueOperationSpec,
  id: string,
  broker?: OtherBroker,
): OperationRequest {
  const { reason, ...rest } = select
  return {
    id,
    kind: KINDS[kind],
    ...(from === undefined ? {} : { from: SOURCES[from] }),
    ...(to === undefined ? {} : { to: to.name }),
    ...(broker === undefined ? {} : { broker }),
    select: { ...rest, ...(reason === undefined ? {} : { reason: REASONS[reason] }) },
    ...(ratePerSecond === undefined ? {} : { ratePerSecond }),
    dryRun,
  }
}
