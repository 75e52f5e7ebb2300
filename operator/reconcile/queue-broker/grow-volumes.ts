import { parseQuantity } from '../../../crds/index.ts'
import { BY_BROKER } from '../../caches.ts'
import { isGoing } from '../../kube/object.ts'
import { ApiError } from '../../kube/errors.ts'
import { type PersistentVolumeClaim, persistentVolumeClaims } from '../../kube/resources.ts'
import { bytesOf } from '../../bytes.ts'
import { done, type Outcome } from '../outcome.ts'
import { type BrokerState, found } from './state.ts'

/**
 * Storage grows by the claims alone: the StatefulSet keeps its templates, which cannot be changed, and so is never taken away and made
 * anew. What is intended stands in the QueueBroker, what is asked for in each claim, what is there in its status; so whatever was
 * interrupted goes on from what it finds. It never shrinks. Whether a claim may grow is for its storage class to say: the API server
 * refuses where it may not.
 */
export async function growVolumes(state: BrokerState): Promise<Outcome> {
  const { context, namespace, name } = state
  const { size } = found(state.broker, 'the spec').spec.storage
  for (const claim of context.caches.claims.by(BY_BROKER, `${namespace}/${name}`)) {
    if (
      isGoing(claim) ||
      claim.status?.phase !== 'Bound' ||
      (bytesOf(requestOf(claim)) ?? Infinity) >= parseQuantity(size)
    )
      continue
    try {
      const at = { namespace, name: claim.metadata.name }
      const patch = { spec: { resources: { requests: { storage: size } } } }
      context.caches.claims.wrote(await context.client.mergePatch(persistentVolumeClaims, at, patch))
      const note = `volume ${claim.metadata.name} is asked to grow to ${size}`
      state.happenings.note({ type: 'Normal', reason: 'VolumeGrowing', action: 'Grow', note })
    } catch (error) {
      if (!(error instanceof ApiError) || ![403, 422].includes(error.status)) throw error
      state.growthRefused = error.detail
    }
  }
  return done
}

const requestOf = (claim: PersistentVolumeClaim): string | undefined => claim.spec?.resources?.requests?.['storage']
