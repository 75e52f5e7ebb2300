import { describe, expect, it } from 'vitest'
import { controllerReference, type KubeObject, type Meta } from '../../kube/object.ts'
import { ownershipOf } from './ownership.ts'

const owner: KubeObject = {
  apiVersion: 'pillion.dev/v1alpha1',
  kind: 'QueueBroker',
  metadata: { name: 'shop', uid: 'new' },
}
const labels = { 'app.kubernetes.io/managed-by': 'pillion', 'pillion.dev/broker': 'shop' }
const object = (metadata: Partial<Meta>): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'shop', ...metadata },
})
const ownedBy = (more: Partial<Meta>, kind = 'QueueBroker') => ({
  ownerReferences: [{ ...controllerReference({ ...owner, kind, metadata: { ...owner.metadata, ...more } }) }],
})

describe('ownershipOf', () => {
  it.each<[string, Partial<Meta>, string]>([
    ['owned by it', ownedBy({}), 'ours'],
    ['with our labels and no owner: somebody took the reference off', { labels }, 'ours'],
    ['without labels and without owner: somebody made it', {}, 'foreign'],
    ['with labels of another broker', { labels: { ...labels, 'pillion.dev/broker': 'bank' } }, 'foreign'],
    ['owned by an earlier one of the same name', ownedBy({ uid: 'old' }), 'leaving'],
    ['owned by another one', { labels, ...ownedBy({ uid: 'other', name: 'bank' }) }, 'foreign'],
    ['owned by something else of the same name', ownedBy({ uid: 'other' }, 'Deployment'), 'foreign'],
    ['being deleted', { ...ownedBy({}), deletionTimestamp: '2026-01-01T00:00:00Z' }, 'leaving'],
  ])('%s', (_what, metadata, ownership) => {
    expect(ownershipOf(object(metadata), owner)).toBe(ownership)
  })
})
