import type { ReconcileOutcome } from '../metrics.ts'

/** How a reconcile ended, and when to look again if that is sooner than the next resync, in milliseconds. */
export type Reconciled = { readonly outcome: ReconcileOutcome; readonly againMs?: number }
