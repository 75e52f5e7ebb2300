import { describe, expect, it } from 'vitest'
import type { PersistentVolumeClaim, Pod, StatefulSet } from '../../kube/resources.ts'
import { stalled } from '../../reconcile/outcome.ts'
import type { BrokerFacts } from './facts.ts'
import { brokerStatus } from './status.ts'

const now = new Date('2026-01-01T00:00:00Z')
const statefulSet = (readyReplicas: number): StatefulSet => ({
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  metadata: { name: 'shop' },
  status: { replicas: 1, readyReplicas },
})
const claim = (phase: string, capacity?: string): PersistentVolumeClaim => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: 'data-shop-0' },
  status: { phase, ...(capacity === undefined ? {} : { capacity: { storage: capacity } }) },
})
const pod = (status: Pod['status'], deletionTimestamp?: string): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'shop-0', namespace: 'n', ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }) },
  ...(status === undefined ? {} : { status }),
})
const facts = (more: Partial<BrokerFacts>): BrokerFacts => ({
  name: 'shop',
  declared: { replicas: 1, size: '10Gi' },
  statefulSet: statefulSet(1),
  pod: pod({}),
  claim: claim('Bound', '10Gi'),
  events: [],
  stop: undefined,
  growthRefused: undefined,
  heldBy: undefined,
  previous: undefined,
  ...more,
})
const status = (more: Partial<BrokerFacts>) => brokerStatus(facts(more), 1, 'nats://shop', 3, now)
const shown = (more: Partial<BrokerFacts>) =>
  Object.fromEntries((status(more).conditions ?? []).map((one) => [one.type, `${one.status} ${one.reason}`]))
const messageOf = (type: string, more: Partial<BrokerFacts>) =>
  status(more).conditions?.find((one) => one.type === type)?.message

describe('the status of a QueueBroker', () => {
  it('when all is well', () => {
    expect(status({})).toMatchObject({
      observedGeneration: 1,
      address: 'nats://shop',
      replicas: 1,
      queues: 3,
      storage: { capacity: '10Gi' },
    })
    expect(shown({})).toEqual({ Ready: 'True Ready', BrokerReady: 'True PodsReady', StorageReady: 'True Bound' })
  })

  it('with objects that cannot be made: serves what runs already, and is not as declared', () => {
    const stop = { step: 'services', halt: stalled('ObjectNameTaken', 'Service shop is not ours') }
    expect(shown({ stop })).toMatchObject({ Ready: 'False ObjectNameTaken', BrokerReady: 'True PodsReady' })
    expect(shown({ stop, statefulSet: undefined })).toMatchObject({ BrokerReady: 'False ObjectNameTaken' })
    expect(status({ stop })).not.toHaveProperty('address')
  })

  it.each<[string, Partial<BrokerFacts>]>([
    ['StatefulSetMissing', { statefulSet: undefined }],
    ['VolumeNotBound', { claim: claim('Pending'), pod: undefined }],
    ['VolumeLost', { claim: claim('Lost') }],
    ['PodMissing', { pod: undefined }],
    ['PodEnding', { pod: pod({}, '2026-01-01T00:00:00Z') }],
    ['PodNotScheduled', { pod: pod({ conditions: [{ type: 'PodScheduled', status: 'False' }] }) }],
    ['PodNotReady', {}],
  ])('says %s', (reason, more) => {
    expect(shown({ statefulSet: statefulSet(0), ...more })).toMatchObject({
      Ready: `False ${reason}`,
      BrokerReady: `False ${reason}`,
    })
  })

  it('a volume that is bigger than declared is as good', () => {
    expect(shown({ claim: claim('Bound', '12Gi') })).toMatchObject({ StorageReady: 'True Bound' })
  })

  it('a volume that grows, or may not', () => {
    const small = claim('Bound', '5Gi')
    expect(shown({ claim: small })).toMatchObject({ Ready: 'False Growing', BrokerReady: 'True PodsReady' })
    expect(shown({ claim: small, growthRefused: 'forbidden' })).toMatchObject({ StorageReady: 'False GrowthRefused' })
  })

  it('names the Queues that keep it, but not all of a thousand', () => {
    expect(messageOf('Deletable', { heldBy: ['a', 'b'] })).toBe(
      'Queues have their messages here: a, b; delete them first. Volumes are kept',
    )
    const many = Array.from({ length: 1000 }, (_, index) => `q${index}`)
    expect(messageOf('Deletable', { heldBy: many })).toContain('q0, q1, q2, q3, q4 and 995 more')
  })

  it('a container that ended once may just be starting; one that ended twice crashes', () => {
    const ended = (restartCount: number, ready = false): Partial<BrokerFacts> => ({
      statefulSet: statefulSet(0),
      pod: pod({
        containerStatuses: [
          {
            name: 'nats',
            image: 'i',
            imageID: '',
            ready,
            restartCount,
            state: { running: { startedAt: '2026-01-01T00:00:00Z' } },
            lastState: { terminated: { exitCode: 137, reason: 'OOMKilled' } },
          },
        ],
      }),
    })
    expect(shown(ended(1))).toMatchObject({ BrokerReady: 'False PodNotReady' })
    expect(shown(ended(2))).toMatchObject({ BrokerReady: 'False ContainerCrashes' })
    expect(messageOf('BrokerReady', ended(2))).toContain('ends with exit code 137 (OOMKilled)')
    expect(shown(ended(5, true))).toMatchObject({ BrokerReady: 'False PodNotReady' })
  })
})
