import type { MessageCounts } from '../../../crds/protocol/api.ts'
import type { BrowsePage, Source } from '../../../crds/protocol/browse.ts'
import type { QueueLedger } from '../../../crds/protocol/ledger.ts'
import type { Operation, OperationRequest } from '../../../crds/protocol/operation.ts'
import type { Transaction } from '../../../crds/protocol/transaction.ts'

export interface QueueSummary {
  readonly name: string
  readonly mode: string
  readonly paused: boolean
  readonly messages: MessageCounts
}

/** A transaction, and where there are several brokers, which one keeps it. */
export type KeptTransaction = Transaction & { readonly broker?: string }

export type Decision = 'commit' | 'abort'

export interface Which {
  /** Where it is kept; undefined: found out. */
  readonly broker?: string | undefined
  /** Of a broker's part in a transaction of another. */
  readonly coordinator?: string | undefined
  /** The broker whose part is not waited for any more. */
  readonly without?: string | undefined
}

/** What commands ask of Queues: of an embedded server, or of a cluster. */
export interface Backend {
  queues(): Promise<QueueSummary[]>
  /** Everything that is known of a Queue: what it declares, and what it is. */
  describe(queue: string): Promise<{ readonly spec: unknown; readonly status: unknown }>
  ledger(queue: string): Promise<QueueLedger>
  browse(queue: string, source: Source, parameters: Readonly<Record<string, string>>): Promise<BrowsePage>
  pause(queue: string, paused: boolean): Promise<void>
  /** Begins an operation; its id. */
  operate(queue: string, request: OperationRequest): Promise<string>
  operation(queue: string, id: string): Promise<Operation>
  cancel(queue: string, id: string): Promise<void>
  /** Those that are not at their end. @param broker one of a cluster; undefined: all of them */
  transactions(broker: string | undefined): Promise<KeptTransaction[]>
  transaction(id: string, broker: string | undefined): Promise<KeptTransaction>
  /** What brokers have of a transaction that another one decides, also of one that ended. @param broker one of a cluster; undefined: all of them */
  parts(id: string, coordinator: string, broker: string | undefined): Promise<KeptTransaction[]>
  /** Decides one in doubt. */
  resolve(id: string, decision: Decision, which: Which): Promise<KeptTransaction>
}
