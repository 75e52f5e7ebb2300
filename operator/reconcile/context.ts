import type { Logger } from 'pino'
import type { Caches } from '../caches.ts'
import type { Clock } from '../clock.ts'
import type { BrokerSettings } from '../desired/broker.ts'
import type { KubeClient } from '../kube/client.ts'
import type { Emit } from '../kube/events.ts'
import type { OperatorMetrics } from '../metrics.ts'
import type { Sidecars } from '../sidecar-client.ts'
import type { Overridden } from './objects/overridden.ts'
import type { Refreshes } from './queue/refreshes.ts'

/** What reconciles work with. */
export type Context = {
  readonly client: KubeClient
  readonly caches: Caches
  readonly sidecars: Sidecars
  readonly settings: BrokerSettings
  readonly emit: Emit
  readonly metrics: Pick<OperatorMetrics, 'driftCorrected'>
  readonly clock: Clock
  readonly log: Logger
  /** Fields that something else in the cluster keeps overriding. */
  readonly overridden: Overridden
  /** When message counts in status were last refreshed. */
  readonly refreshes: Refreshes
}
