import { brokerRefOf } from '../../broker-of.ts'
import { BY_BROKER } from '../../caches.ts'
import { isGoing } from '../../kube/object.ts'
import { persistentVolumeClaims, queueBrokers } from '../../kube/resources.ts'
import { done, type Outcome } from '../outcome.ts'
import { deletionPolicyOf, isBrokerShared, ownBrokerOf } from './deletion.ts'
import type { QueueState } from './state.ts'

/** Volumes first: an attempt that ends after the broker is gone could no longer tell whose they were. */
export async function removeOwnBroker(state: QueueState): Promise<Outcome> {
  const { context, stored, namespace, brokerName, happenings } = state
  if (brokerRefOf(stored) !== undefined) return done
  const broker = ownBrokerOf(state)
  const taken = broker === undefined && context.caches.queueBrokers.get({ namespace, name: brokerName }) !== undefined
  // A QueueBroker of this name that is somebody else's was never ours to remove, nor is its volume.
  if (taken) return done
  const claims = context.caches.claims.by(BY_BROKER, `${namespace}/${brokerName}`)
  const goes = deletionPolicyOf(state) === 'Delete' && !isBrokerShared(state)
  for (const { metadata } of claims) {
    if (!goes) {
      const todo = `a Queue named ${state.name} takes it up again; to be rid of it: kubectl delete pvc --namespace ${namespace} ${metadata.name}`
      happenings.note({
        type: 'Normal',
        reason: 'VolumeKept',
        action: 'Release',
        note: `volume ${metadata.name} is kept; ${todo}`,
      })
    } else if (metadata.deletionTimestamp === undefined) {
      await context.client.delete(persistentVolumeClaims, { namespace, name: metadata.name }, { uid: metadata.uid })
      context.log.info({ queue: state.name, claim: metadata.name }, 'volume deleted, as deletionPolicy Delete says')
    }
  }
  if (broker !== undefined && !isGoing(broker)) {
    await context.client.delete(queueBrokers, { namespace, name: brokerName }, { uid: broker.metadata.uid })
  }
  return done
}
