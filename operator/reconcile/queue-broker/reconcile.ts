import { brokerReady } from '../../status/queue-broker/broker-ready.ts'
import { writeBrokerStatus } from '../../status/queue-broker/write.ts'
import type { Reconciled } from '../reconciled.ts'
import { nameOf, type ObjectKey } from '../../kube/object.ts'
import type { Context } from '../context.ts'
import { runSteps, type Step } from '../outcome.ts'
import { applyConfiguration } from './configuration.ts'
import { applyCredentials } from './credentials.ts'
import { applyDisruptionBudget } from './disruption-budget.ts'
import { growVolumes } from './grow-volumes.ts'
import { holdOrRelease } from './hold-or-release.ts'
import { applyNetworkPolicy } from './network-policy.ts'
import { observe } from './observe.ts'
import { readBrokerSpec } from './read-spec.ts'
import { applyServiceAccount } from './service-account.ts'
import { applyServices } from './services.ts'
import { type BrokerState, brokerState } from './state.ts'
import { applyStatefulSet } from './stateful-set.ts'
import { tellPeers } from './tell-peers.ts'

/** In this order: pods come last, when everything that they read at their start is there. */
const steps: readonly Step<BrokerState>[] = [
  { name: 'hold-or-release', run: holdOrRelease },
  { name: 'read-spec', run: readBrokerSpec },
  { name: 'service-account', run: applyServiceAccount },
  { name: 'credentials', run: applyCredentials },
  { name: 'configuration', run: applyConfiguration },
  { name: 'services', run: applyServices },
  { name: 'network-policy', run: applyNetworkPolicy },
  { name: 'disruption-budget', run: applyDisruptionBudget },
  { name: 'stateful-set', run: applyStatefulSet },
  { name: 'grow-volumes', run: growVolumes },
]

/** A broker that is not there yet is looked at this often, since events of its pod and volume are not watched. Milliseconds. */
const NOT_READY_MS = 5000

/** Brings the objects of a QueueBroker to what it declares, writes its status, and tells it of the other brokers. */
export async function reconcileQueueBroker(context: Context, key: ObjectKey): Promise<Reconciled> {
  const stored = context.caches.queueBrokers.get(nameOf(key))
  if (stored === undefined) return { outcome: 'done' }
  const state = brokerState(context, stored)
  try {
    const stop = await runSteps(steps, state)
    if (state.released) return { outcome: 'done' }
    const facts = await observe(state, stop)
    await writeBrokerStatus(state, facts)
    if (stop?.halt.kind === 'retry') throw stop.halt.error
    if (stop !== undefined) return { outcome: stop.halt.kind }
    if (brokerReady(facts).status !== 'True') return { outcome: 'waiting', againMs: NOT_READY_MS }
    // After status is written: what a broker knows of others does not make it less ready.
    const told = await tellPeers(state)
    if (told.kind === 'retry') throw told.error
    return { outcome: told.kind }
  } finally {
    state.happenings.tell(context, stored)
  }
}
