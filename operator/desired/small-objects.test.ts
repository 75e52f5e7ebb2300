import { parseQueueBrokerSpec } from '../../crds/index.ts'
import { describe, expect, it } from 'vitest'
import { brokerOf } from '../../test/operator/harness/desired.ts'
import { ownBroker } from './own-broker.ts'
import { podDisruptionBudget } from './pod-disruption-budget.ts'
import { serviceAccount } from './service-account.ts'

describe('the ServiceAccount', () => {
  it('has no token', () => {
    const { metadata, automountServiceAccountToken } = serviceAccount(brokerOf())
    expect(metadata.name).toBe('main-broker')
    expect(automountServiceAccountToken).toBe(false)
  })
})

describe('the PodDisruptionBudget', () => {
  it('lets a node with a lone broker pod be drained, and holds up no drain for a pod that is not ready', () => {
    expect(podDisruptionBudget(brokerOf()).spec).toEqual({
      maxUnavailable: 1,
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
      selector: { matchLabels: { 'pillion.dev/broker': 'main' } },
    })
  })
})

describe("a Queue's own QueueBroker", () => {
  it('has its name and goes with it', () => {
    const queue = {
      apiVersion: 'pillion.dev/v1alpha1',
      kind: 'Queue',
      metadata: { name: 'orders', namespace: 'shop', uid: 'u' },
    }
    const parsed = parseQueueBrokerSpec({ durability: 'Interval' })
    expect(parsed.ok && ownBroker(queue, parsed.value)).toMatchObject({
      kind: 'QueueBroker',
      metadata: {
        name: 'orders',
        namespace: 'shop',
        ownerReferences: [{ kind: 'Queue', name: 'orders', uid: 'u', controller: true, blockOwnerDeletion: true }],
      },
      spec: { durability: 'Interval' },
    })
  })
})
