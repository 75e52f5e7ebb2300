import { describe, expect, it } from 'vitest'
import type { KubeObject } from '../../operator/kube/object.ts'
import {
  type CoreEvent,
  configMaps,
  coreEvents,
  persistentVolumeClaims,
  pods,
  queueBrokers,
  queues,
} from '../../operator/kube/resources.ts'
import { useCluster } from './harness/cluster.ts'
import { eventually } from './harness/eventually.ts'
import { createStorageClass } from './harness/storage-class.ts'
import { World } from './harness/world.ts'

/** As the scheduler, a provisioner or the kubelet would say it. */
function say(world: World, about: KubeObject, reason: string, message: string, type = 'Warning'): Promise<CoreEvent> {
  const { name, namespace = '', uid = '' } = about.metadata
  const at = new Date().toISOString().replace(/\.[0-9]+Z$/, 'Z')
  return world.admin.create(coreEvents, {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: `${name}.${Math.random().toString(36).slice(2)}`, namespace },
    involvedObject: { apiVersion: 'v1', kind: about.kind, name, namespace, uid },
    reason,
    message,
    type,
    firstTimestamp: at,
    lastTimestamp: at,
    count: 1,
  })
}

/** Waits until the operator has looked at a broker that is not ready, from beginning to end: then it reads events about it. */
async function looked(world: World): Promise<void> {
  const looks = () => world.transport.reads.filter((read) => read.endsWith('/events')).length
  const before = looks()
  // The second look that begins after now ends the first.
  await eventually(() => expect(looks()).toBeGreaterThan(before + 1))
}

describe('a broker that does not come up says why', () => {
  const cluster = useCluster(['statefulset-controller'])
  const start = () => World.start(cluster(), { config: { resyncMs: 1000 } })

  it('a volume that cannot be bound, in the words of the provisioner, on both kinds; it heals', async () => {
    await using world = await start()
    world.kubelet.held.add('orders-0').add('data-orders-0')
    await world.createQueue('orders', { broker: { storage: { storageClassName: 'none-such' } } })
    const claim = await eventually(() => world.admin.get(persistentVolumeClaims, world.at('data-orders-0')))
    await say(world, claim, 'ProvisioningFailed', 'storageclass.storage.k8s.io "none-such" not found')
    const said = {
      status: 'False',
      reason: 'VolumeNotBound',
      message: 'volume data-orders-0 is not bound: storageclass.storage.k8s.io "none-such" not found',
    } as const
    await world.condition(queueBrokers, 'orders', 'BrokerReady', said)
    await world.condition(queueBrokers, 'orders', 'Ready', said)
    await world.condition(queues, 'orders', 'BrokerReady', said)
    await world.condition(queues, 'orders', 'Ready', said)
    // Two provisioners in turn do not make the status flap.
    const { metadata } = await world.broker('orders')
    await say(world, claim, 'ExternalProvisioning', 'waiting for a volume to be created', 'Normal')
    await say(world, claim, 'ProvisioningFailed', 'another message')
    await looked(world)
    expect((await world.broker('orders')).metadata.resourceVersion).toBe(metadata.resourceVersion)
    world.kubelet.release('orders-0', 'data-orders-0')
    await world.queueReady('orders')
  })

  it('a pod that no node takes', async () => {
    await using world = await start()
    world.kubelet.held.add('orders-0')
    await world.createQueue('orders')
    const pod = await eventually(() => world.admin.get(pods, world.at('orders-0')))
    await world.kubelet.setStatus(pods, pod, {
      conditions: [
        {
          type: 'PodScheduled',
          status: 'False',
          reason: 'Unschedulable',
          lastTransitionTime: new Date().toISOString(),
        },
      ],
    })
    await say(world, pod, 'FailedScheduling', '0/1 nodes are available: 1 Insufficient memory.')
    const condition = await world.condition(queues, 'orders', 'Ready', {
      reason: 'PodNotScheduled',
      message: 'no node takes pod orders-0: 0/1 nodes are available: 1 Insufficient memory.',
    })
    expect(condition.status).toBe('False')
  })

  it('an image that cannot be pulled, in the same words while the kubelet goes back and forth', async () => {
    await using world = await start()
    world.kubelet.held.add('orders-0')
    await world.createQueue('orders')
    const pod = await eventually(() => world.admin.get(pods, world.at('orders-0')))
    const pulling = (reason: string, message: string) =>
      world.kubelet.setStatus(pods, pod, {
        conditions: [{ type: 'PodScheduled', status: 'True', lastTransitionTime: new Date().toISOString() }],
        initContainerStatuses: [
          {
            name: 'sidecar',
            image: 'sidecar:test',
            imageID: '',
            ready: false,
            restartCount: 0,
            state: { waiting: { reason, message } },
          },
        ],
      })
    await pulling('ErrImagePull', 'rpc error: not found')
    await world.condition(queues, 'orders', 'Ready', {
      reason: 'ImagePullFailed',
      message:
        'container sidecar: image sidecar:test cannot be had; check the image setting of the operator, and that nodes may pull it',
    })
    const { metadata } = await world.broker('orders')
    await pulling('ImagePullBackOff', 'Back-off pulling image')
    await looked(world)
    expect((await world.broker('orders')).metadata.resourceVersion).toBe(metadata.resourceVersion)
  })

  it('a container that crashes again and again', async () => {
    await using world = await start()
    world.kubelet.held.add('orders-0')
    await world.createQueue('orders')
    const pod = await eventually(() => world.admin.get(pods, world.at('orders-0')))
    const time = new Date().toISOString()
    await world.kubelet.setStatus(pods, pod, {
      conditions: [{ type: 'PodScheduled', status: 'True', lastTransitionTime: time }],
      containerStatuses: [
        {
          name: 'nats',
          image: 'nats:test',
          imageID: '',
          ready: false,
          restartCount: 4,
          state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 1m20s restarting failed container' } },
          lastState: { terminated: { exitCode: 1, reason: 'Error', startedAt: time, finishedAt: time } },
        },
      ],
    })
    const condition = await world.condition(queueBrokers, 'orders', 'Ready', {
      status: 'False',
      reason: 'ContainerCrashes',
    })
    expect(condition.message).toBe(
      `container nats ends with exit code 1; see kubectl logs --namespace ${world.namespace} orders-0 --container nats --previous`,
    )
  })
})

describe('storage', () => {
  const cluster = useCluster(['statefulset-controller'])

  async function started(world: World, allowVolumeExpansion: boolean): Promise<void> {
    const storageClassName = `class-${world.namespace}`
    await createStorageClass(world.admin, storageClassName, allowVolumeExpansion)
    await world.createBroker('shop', { storage: { size: '5Gi', storageClassName } })
    await world.condition(queueBrokers, 'shop', 'Ready', { status: 'True' })
  }

  it('grows in place: the claim is asked, the StatefulSet stays, and nats-server may use what is there', async () => {
    await using world = await World.start(cluster(), { config: { resyncMs: 1000 } })
    await started(world, true)
    const config = async () => (await world.admin.get(configMaps, world.at('shop-config'))).data?.['nats.conf']
    expect(await config()).toContain(`max_file_store: ${Math.floor(5 * 2 ** 30 * 0.9)}`)
    const uid = async () => (await world.admin.get(persistentVolumeClaims, world.at('data-shop-0'))).metadata.uid
    const before = await uid()
    world.kubelet.held.add('data-shop-0')
    await world.patch(queueBrokers, 'shop', { spec: { storage: { size: '8Gi' } } })
    await eventually(async () => {
      const claim = await world.admin.get(persistentVolumeClaims, world.at('data-shop-0'))
      expect(claim.spec?.resources?.requests?.['storage']).toBe('8Gi')
    })
    await world.condition(queueBrokers, 'shop', 'StorageReady', { status: 'False', reason: 'Growing' })
    // Queues are served meanwhile, with what there is.
    await world.condition(queueBrokers, 'shop', 'BrokerReady', { status: 'True' })
    expect(await config()).toContain(`max_file_store: ${Math.floor(5 * 2 ** 30 * 0.9)}`)
    world.kubelet.release('data-shop-0')
    await world.condition(queueBrokers, 'shop', 'StorageReady', {
      status: 'True',
      message: 'volume data-shop-0 has 8Gi',
    })
    await eventually(async () => expect(await config()).toContain(`max_file_store: ${Math.floor(8 * 2 ** 30 * 0.9)}`))
    expect(await uid()).toBe(before)
    expect((await world.broker('shop')).status?.storage?.capacity).toBe('8Gi')
    await world.event('VolumeGrowing', 'volume data-shop-0 is asked to grow to 8Gi')
  })

  it('that may not grow: the condition says so and what to do, and Queues are served as before', async () => {
    await using world = await World.start(cluster(), { config: { resyncMs: 1000 } })
    await started(world, false)
    await world.patch(queueBrokers, 'shop', { spec: { storage: { size: '8Gi' } } })
    const { message } = await world.condition(queueBrokers, 'shop', 'StorageReady', {
      status: 'False',
      reason: 'GrowthRefused',
    })
    expect(message).toContain('volume data-shop-0 has 5Gi of the 8Gi that are declared, and may not grow')
    expect(message).toContain('use a storage class with allowVolumeExpansion')
    await world.condition(queueBrokers, 'shop', 'Ready', { status: 'False', reason: 'GrowthRefused' })
    await world.condition(queueBrokers, 'shop', 'BrokerReady', { status: 'True' })
    await world.createQueue('orders', { brokerRef: { name: 'shop' } })
    await world.queueReady('orders')
  })
})
