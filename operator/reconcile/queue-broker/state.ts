import type { Broker } from '../../desired/broker.ts'
import type { Credentials } from '../../desired/secrets.ts'
import type { ConfigMap, StoredQueueBroker } from '../../kube/resources.ts'
import type { Context } from '../context.ts'
import { Happenings } from '../happenings.ts'

/** One reconcile of a QueueBroker: what the steps found so far. */
export type BrokerState = {
  readonly context: Context
  readonly stored: StoredQueueBroker
  readonly namespace: string
  readonly name: string
  readonly generation: number
  /** Every object had been applied for this generation before: what is missing or differs now was changed by somebody else. */
  readonly settled: boolean
  readonly happenings: Happenings
  broker: Broker | undefined
  credentials: Credentials | undefined
  configMap: ConfigMap | undefined
  /** Why the volume does not grow although it should. */
  growthRefused: string | undefined
  /** The Queues that keep it from being deleted; undefined: it is not being deleted. */
  heldBy: readonly string[] | undefined
  /** Nothing holds it any more: it is gone, or will be in a moment. */
  released: boolean
}

export function brokerState(context: Context, stored: StoredQueueBroker): BrokerState {
  const { metadata, status } = stored
  const generation = metadata.generation ?? 0
  return {
    context,
    stored,
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    generation,
    settled: status?.observedGeneration === generation && status.address !== undefined,
    happenings: new Happenings(),
    broker: undefined,
    credentials: undefined,
    configMap: undefined,
    growthRefused: undefined,
    heldBy: undefined,
    released: false,
  }
}

/** What an earlier step has to have found. */
export function found<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`${what} is not there yet: the steps are in the wrong order`)
  return value
}
