import { describe, expect, it } from 'vitest'
import { API_VERSION } from '../../crds/index.ts'
import {
  persistentVolumeClaims,
  podDisruptionBudgets,
  queueBrokers,
  queueOperations,
  queues,
  secrets,
} from '../../operator/kube/resources.ts'
import { operatorRules, type PolicyRule } from '../../operator/rbac.ts'
import { useCluster } from './harness/cluster.ts'
import { eventually } from './harness/eventually.ts'
import { createStorageClass } from './harness/storage-class.ts'
import { World } from './harness/world.ts'

const verbs: Readonly<Record<string, string>> = { POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' }

/** `group/resource verb` of a request. */
function rightOf(request: string): string {
  const [method = '', url = ''] = request.split(' ')
  const [path = '', query = ''] = url.split('?')
  const parts = path.split('/').slice(1)
  const [group, rest] = parts[0] === 'api' ? ['', parts.slice(2)] : [parts[1] ?? '', parts.slice(3)]
  // namespaces/<name> alone is the namespace itself.
  const inside = rest[0] === 'namespaces' && rest.length > 2 ? rest.slice(2) : rest
  const [resource = '', name, subresource] = inside
  const reading = name === undefined ? (query.includes('watch=true') ? 'watch' : 'list') : 'get'
  const verb = method === 'GET' ? reading : (verbs[method] ?? method)
  return `${group}/${resource}${subresource === undefined ? '' : `/${subresource}`} ${verb}`
}

const rightsOf = (rules: readonly PolicyRule[]): string[] =>
  rules.flatMap(({ apiGroups, resources, verbs }) =>
    apiGroups.flatMap((group) => resources.flatMap((resource) => verbs.map((verb) => `${group}/${resource} ${verb}`))),
  )

const made = [
  '/configmaps',
  '/serviceaccounts',
  '/services',
  'apps/statefulsets',
  'networking.k8s.io/networkpolicies',
  'pillion.dev/queuebrokers',
  'policy/poddisruptionbudgets',
]

describe("the operator's rights", () => {
  const cluster = useCluster(['statefulset-controller'])

  it('are the ones that it uses, each of them, and no others', async () => {
    await using world = await World.start(cluster(), { config: { resyncMs: 1000 } })
    await createStorageClass(world.admin, 'growing', true)
    // A pod does not start without its volume.
    world.kubelet.held.add('data-orders-0').add('orders-0')
    const spec = (size: string) => ({
      deletionPolicy: 'Delete',
      broker: { storage: { size, storageClassName: 'growing' } },
    })
    const operation = {
      apiVersion: API_VERSION,
      kind: 'QueueOperation',
      metadata: world.at('counted'),
      spec: { queueRef: { name: 'orders' }, kind: 'Redrive', dryRun: true, ttlSecondsAfterFinished: 1 },
    }
    await world.createQueue('orders', spec('5Gi'))
    await world.condition(queues, 'orders', 'BrokerReady', { status: 'False', reason: 'VolumeNotBound' })
    world.kubelet.release('data-orders-0', 'orders-0')
    await world.queueReady('orders')
    await world.patch(queues, 'orders', { spec: spec('9Gi') })
    await world.event('VolumeGrowing', '9Gi')
    // The same event a minute later is a patch of it; an hour's wait is no test, so this right is taken as used.
    const used = new Set(['events.k8s.io/events patch'])
    // An apply that makes something needs both rights.
    for (const kind of made) used.add(`${kind} create`)
    // Asked for by the API server's OwnerReferencesPermissionEnforcement, not by a request.
    for (const kind of ['queues', 'queuebrokers']) used.add(`pillion.dev/${kind}/finalizers update`)
    await world.patch(podDisruptionBudgets, 'orders', { spec: { maxUnavailable: 0 } })
    await world.event('DriftCorrected', 'PodDisruptionBudget')
    await world.patch(secrets, 'orders-client', { data: { url: null } })
    await world.event('DriftCorrected', 'Secret orders-client')
    await world.admin.create(queueOperations, operation)
    await world.condition(queueOperations, 'counted', 'Ready', { reason: 'Running' })
    const { operations } = world.sidecars.queue(world.namespace, 'orders', 'orders')
    for (const [id, running] of operations) operations.set(id, { ...running, state: 'Succeeded' })
    await world.gone(queueOperations, 'counted')
    await world.admin.delete(queues, world.at('orders'))
    await world.gone(queues, 'orders')
    await world.gone(queueBrokers, 'orders')
    await eventually(async () => {
      const claim = await world.admin.find(persistentVolumeClaims, world.at('data-orders-0'))
      expect(claim?.metadata.deletionTimestamp ?? 'gone').toBeDefined()
    })
    for (const request of [...world.transport.reads, ...world.transport.writes]) used.add(rightOf(request))
    expect([...used].toSorted()).toEqual(
      [...rightsOf(operatorRules.watched), ...rightsOf(operatorRules.own)].toSorted(),
    )
  })

  it('name everything: no wildcard', () => {
    for (const rules of Object.values(operatorRules)) expect(JSON.stringify(rules)).not.toContain('*')
  })
})
