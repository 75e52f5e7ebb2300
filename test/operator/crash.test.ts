import { describe, expect, it } from 'vitest'
import { secretText } from '../../operator/desired/secrets.ts'
import {
  configMaps,
  leases,
  networkPolicies,
  persistentVolumeClaims,
  podDisruptionBudgets,
  queueBrokers,
  queues,
  secrets,
  serviceAccounts,
  services,
  statefulSets,
} from '../../operator/kube/resources.ts'
import { type Cluster, useCluster } from './harness/cluster.ts'
import { createStorageClass } from './harness/storage-class.ts'
import { eventually } from './harness/eventually.ts'
import { FaultyTransport } from './harness/faulty-transport.ts'
import { World } from './harness/world.ts'

/** More writes than any of these take: the loop ends when an operator got through without having been cut off. */
const MOST = 60
const AT_ONCE = 4

type Scenario = {
  /** What is there before the operator that will be killed starts. */
  readonly before?: (world: World) => Promise<void>
  /** What it is to do. */
  readonly change: (world: World) => Promise<unknown>
  /** Called when the first operator is dead and the second one is not there yet. */
  readonly killed?: (world: World) => Promise<void>
  readonly done: (world: World) => Promise<unknown>
  /** What has to be the same whenever it was killed. */
  readonly result: (world: World) => Promise<unknown>
}

/**
 * Kills the operator when its n-th write has taken effect and before it hears of that, for every n, and has another one go on. Every time
 * the end is the same. (Killed before the write takes effect is killed after the one before, since an operator remembers nothing.)
 */
async function killedAtEveryWrite(cluster: Cluster, scenario: Scenario): Promise<number> {
  const reference = await killedAt(cluster, scenario, Number.POSITIVE_INFINITY)
  for (let first = 1; first < MOST; first += AT_ONCE) {
    const runs = Array.from({ length: AT_ONCE }, (_, index) => killedAt(cluster, scenario, first + index))
    for (const { result, killed } of await Promise.all(runs)) {
      expect(result).toEqual(reference.result)
      if (!killed) return first
    }
  }
  throw new Error(`not done after ${MOST} writes`)
}

async function killedAt(cluster: Cluster, scenario: Scenario, writes: number) {
  await using world = await World.start(cluster, { operator: false, config: { resyncMs: 1000 } })
  if (scenario.before !== undefined) {
    const operator = await world.startOperator()
    await scenario.before(world)
    await operator.stop()
  }
  const faulty = new FaultyTransport(world.transport)
  faulty.writesLeft = writes
  const killed = await world.startOperator(faulty)
  await scenario.change(world)
  let over = false
  const wait = async () => {
    await scenario.done(world)
    over = true
  }
  const done = wait()
  await eventually(() => expect(over || faulty.cutOff).toBe(true))
  if (faulty.cutOff) {
    await killed.stop()
    // As if it had run out, which takes no longer than the wait for it.
    await world.admin.delete(leases, world.at('pillion-operator'))
    await scenario.killed?.(world)
    await world.startOperator()
  }
  await done
  return { result: await scenario.result(world), killed: faulty.cutOff }
}

const exists = async (world: World, name: string) => {
  const claim = await world.admin.find(persistentVolumeClaims, world.at(name))
  return claim !== undefined && claim.metadata.deletionTimestamp === undefined
}

describe('an operator that is killed at any write is followed by one that ends up the same', () => {
  const cluster = useCluster([
    'statefulset-controller',
    'garbage-collector-controller',
    'persistentvolumeclaim-protection-controller',
  ])

  it('making a Queue with a broker of its own', { timeout: 600_000 }, async () => {
    const writes = await killedAtEveryWrite(cluster(), {
      change: async (world) => {
        await world.createQueue('orders', { broker: { resources: { limits: { cpu: '0.5' } } } })
        // A password that was once there is never another one.
        void eventually(() => world.admin.get(secrets, world.at('orders-client'))).then((secret) =>
          seen.set(world, secretText(secret, 'password')),
        )
      },
      done: (world) => world.queueReady('orders'),
      result: async (world) => {
        const without = (value: unknown) => JSON.parse(JSON.stringify(value).replaceAll(world.namespace, 'NAMESPACE'))
        const statefulSet = await world.admin.get(statefulSets, world.at('orders'))
        const template = statefulSet.spec?.template
        const client = await world.admin.get(secrets, world.at('orders-client'))
        const queue = await world.queue('orders')
        const said = queue.status?.conditions?.map(({ type, status, reason, message }) => ({
          type,
          status,
          reason,
          message,
        }))
        return without({
          // A password that was once there is never another one.
          samePassword: seen.get(world) === undefined || seen.get(world) === secretText(client, 'password'),
          statefulSet: { ...statefulSet.spec, template: { ...template, metadata: template?.metadata?.labels } },
          config: (await world.admin.get(configMaps, world.at('orders-config'))).data,
          services: [
            (await world.admin.get(services, world.at('orders'))).spec?.ports,
            (await world.admin.get(services, world.at('orders-pods'))).spec?.ports,
          ],
          policy: (await world.admin.get(networkPolicies, world.at('orders'))).spec,
          budget: (await world.admin.get(podDisruptionBudgets, world.at('orders'))).spec,
          account: (await world.admin.get(serviceAccounts, world.at('orders-broker'))).automountServiceAccountToken,
          broker: (await world.broker('orders')).spec,
          finalizers: [queue.metadata.finalizers, (await world.broker('orders')).metadata.finalizers],
          status: { ...queue.status, conditions: said },
          drift: (await world.events('DriftCorrected')).map(({ note }) => note),
        })
      },
    })
    // Ten objects, two finalizers and at least two writes of status.
    expect(writes).toBeGreaterThan(10)
  })

  it.each([
    ['Delete', false],
    ['Retain', true],
    ['KeepNonEmpty', true],
  ])('deleting a Queue under %s', { timeout: 600_000 }, async (deletionPolicy, keepsVolume) => {
    await killedAtEveryWrite(cluster(), {
      before: async (world) => {
        await world.createQueue('orders', { deletionPolicy })
        await world.queueReady('orders')
      },
      change: (world) => world.admin.delete(queues, world.at('orders')),
      done: async (world) => {
        await world.gone(queues, 'orders')
        await world.gone(queueBrokers, 'orders')
        await world.gone(statefulSets, 'orders')
      },
      result: async (world) => {
        expect(await exists(world, 'data-orders-0')).toBe(keepsVolume)
        return 'gone'
      },
    })
  })

  it('growing a volume', { timeout: 600_000 }, async () => {
    await createStorageClass(cluster().admin, 'growing', true)
    const writes = await killedAtEveryWrite(cluster(), {
      before: async (world) => {
        await world.createQueue('orders', { broker: { storage: { size: '5Gi', storageClassName: 'growing' } } })
        await world.queueReady('orders')
      },
      change: (world) => world.patch(queues, 'orders', { spec: { broker: { storage: { size: '9Gi' } } } }),
      done: async (world) => {
        await world.condition(queueBrokers, 'orders', 'StorageReady', {
          status: 'True',
          message: 'volume data-orders-0 has 9Gi',
        })
        await world.condition(queueBrokers, 'orders', 'Ready', { status: 'True' })
        await world.condition(queues, 'orders', 'Ready', { status: 'True', observedGeneration: 2 })
        await eventually(async () => {
          const config = await world.admin.get(configMaps, world.at('orders-config'))
          expect(config.data?.['nats.conf']).toContain(`max_file_store: ${Math.floor(9 * 2 ** 30 * 0.9)}`)
        })
      },
      result: async (world) => ({
        request: (await world.admin.get(persistentVolumeClaims, world.at('data-orders-0'))).spec?.resources,
        broker: (await world.broker('orders')).spec,
      }),
    })
    expect(writes).toBeGreaterThan(2)
  })
})

/** The first password that a world's broker had. */
const seen = new WeakMap<World, string | undefined>()
