import { bytesOf } from '../../bytes.ts'
import { type Fact, isFalse, isTrue, isUnknown } from '../condition.ts'
import type { BrokerFacts } from './facts.ts'

/** Whether the volume is there in the size that is declared. */
export function storageReady({ claim, declared, growthRefused }: BrokerFacts): Fact {
  if (claim?.status?.phase !== 'Bound') return isUnknown('VolumeNotBound', 'there is no bound volume yet')
  const capacity = claim.status.capacity?.['storage'] ?? '0'
  const declaredSize = declared?.size ?? '0'
  const name = claim.metadata.name
  if ((bytesOf(capacity) ?? 0) >= (bytesOf(declaredSize) ?? 0)) return isTrue('Bound', `volume ${name} has ${capacity}`)
  const what = `volume ${name} has ${capacity} of the ${declaredSize} that are declared`
  if (growthRefused === undefined) return isFalse('Growing', `${what}; it is growing`)
  const todo = 'use a storage class with allowVolumeExpansion, or declare the old size again'
  return isFalse('GrowthRefused', `${what}, and may not grow: ${growthRefused}; ${todo}`)
}
