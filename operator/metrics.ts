import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'

export type Kind = 'Queue' | 'QueueBroker' | 'QueueOperation'
/** How a reconcile ended: as declared, waiting for something else, in need of somebody's hand, or to be tried again. */
export type ReconcileOutcome = 'done' | 'waiting' | 'stalled' | 'failed'

export type OperatorMetrics = {
  readonly registry: Registry
  reconciled(kind: Kind, outcome: ReconcileOutcome, seconds: number): void
  leading(leads: boolean): void
  apiError(code: string): void
  driftCorrected(kind: string): void
}

/** What is looked at when metrics are read. */
export type MetricSources = {
  depth(kind: Kind): number
  objects(kind: Kind): { ready: number; notReady: number }
}

const kinds: readonly Kind[] = ['Queue', 'QueueBroker', 'QueueOperation']

export function operatorMetrics(sources: MetricSources): OperatorMetrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const reconciles = new Counter({
    name: 'pillion_operator_reconcile_total',
    help: 'Reconciles by kind and outcome: done, waiting, stalled (somebody has to change something) or failed (tried again).',
    labelNames: ['kind', 'outcome'],
    registers,
  })
  const seconds = new Histogram({
    name: 'pillion_operator_reconcile_seconds',
    help: 'Time that a reconcile took.',
    labelNames: ['kind'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers,
  })
  const leader = new Gauge({
    name: 'pillion_operator_leader',
    help: '1 in the operator that leads, 0 in the others.',
    registers,
  })
  const apiErrors = new Counter({
    name: 'pillion_operator_api_errors_total',
    help: 'Requests to the API server that failed, by HTTP status; unreachable: no answer.',
    labelNames: ['code'],
    registers,
  })
  const drift = new Counter({
    name: 'pillion_operator_drift_corrected_total',
    help: 'Objects that somebody else had changed or removed, put back as declared.',
    labelNames: ['kind'],
    registers,
  })
  const depth = new Gauge({
    name: 'pillion_operator_workqueue_depth',
    help: 'Objects that wait to be reconciled.',
    labelNames: ['kind'],
    registers,
    collect: () => {
      for (const kind of kinds) depth.set({ kind }, sources.depth(kind))
    },
  })
  const objects = new Gauge({
    name: 'pillion_operator_objects',
    help: 'Queues, QueueBrokers and QueueOperations by whether they are ready; an operation is when it succeeded.',
    labelNames: ['kind', 'ready'],
    registers,
    collect: () => {
      for (const kind of kinds) {
        const { ready, notReady } = sources.objects(kind)
        objects.set({ kind, ready: 'true' }, ready)
        objects.set({ kind, ready: 'false' }, notReady)
      }
    },
  })
  leader.set(0)
  return {
    registry,
    reconciled: (kind, outcome, took) => {
      reconciles.inc({ kind, outcome })
      seconds.observe({ kind }, took)
    },
    leading: (leads) => leader.set(leads ? 1 : 0),
    apiError: (code) => apiErrors.inc({ code }),
    driftCorrected: (kind) => drift.inc({ kind }),
  }
}
