import { afterAll, beforeAll, expect, test } from 'vitest'
import { operatorRules } from '../../operator/rbac.ts'
import { binary } from '../cluster/binaries.ts'
import { type ControlPlane, startControlPlane } from '../cluster/control-plane.ts'
import { run } from '../cluster/run.ts'
import { find, type Rendered, rendered } from './helm.ts'

const namespace = 'pillion-system'
const operator = `system:serviceaccount:${namespace}:pillion-operator`

let cluster: ControlPlane
let kubectl: (args: string[], input?: object) => Promise<string>

beforeAll(async () => {
  cluster = await startControlPlane()
  const program = await binary('kubectl')
  kubectl = (args, input) =>
    run(
      program,
      ['--kubeconfig', cluster.kubeconfig, ...args],
      input === undefined ? {} : { input: JSON.stringify(input) },
    )
  for (const name of [namespace, 'shop', 'billing']) await kubectl(['create', 'namespace', name])
})
afterAll(async () => cluster?.stop())

test('the roles have the rules of the table, and no other', async () => {
  const objects = await rendered()
  expect(find(objects, 'ClusterRole', 'pillion-operator')).toMatchObject({ rules: operatorRules.watched })
  expect(find(objects, 'Role', 'pillion-operator-lease')).toMatchObject({ rules: operatorRules.own })
  const bound = objects
    .filter(({ kind, metadata }) => kind.endsWith('RoleBinding') && metadata.name !== 'pillion-test')
    .map(({ kind, metadata }) => `${kind} ${metadata.name}`)
  expect(bound.toSorted()).toEqual(['ClusterRoleBinding pillion-operator', 'RoleBinding pillion-operator-lease'])
})

test('the operator may do in all namespaces what the table says, and the Lease in its own alone', async () => {
  await apply(await rendered())
  const rights = await rightsIn('shop')
  for (const { apiGroups, resources, verbs } of operatorRules.watched) {
    for (const resource of resources) {
      expect(rights.get(named(resource, apiGroups[0]))).toEqual(new Set(verbs))
    }
  }
  expect(rights.has('leases.coordination.k8s.io')).toBe(false)
  expect((await rightsIn(namespace)).has('leases.coordination.k8s.io')).toBe(true)
})

test('with watchNamespaces it may do so there and nowhere else', async () => {
  await kubectl(['delete', 'clusterrolebinding', 'pillion-operator'])
  await apply(await rendered({ values: { watchNamespaces: ['shop'] } }))
  const resources = async (where: string) => [...(await rightsIn(where)).keys()]
  expect(await resources('shop')).toContain('secrets')
  expect(await resources('billing')).toEqual([])
  expect(await resources(namespace)).toEqual(['leases.coordination.k8s.io'])
})

async function apply(objects: readonly Rendered[]): Promise<void> {
  const items = objects.filter(({ apiVersion }) => apiVersion.startsWith('rbac.'))
  await kubectl(['apply', '-f', '-'], { apiVersion: 'v1', kind: 'List', items })
}

/** The verbs that the operator has there, by resource, beside what every ServiceAccount has. */
async function rightsIn(where: string): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const rules = await kubectl(['auth', 'can-i', '--list', '--no-headers', '-n', where, '--as', operator])
  const rights = rules.split('\n').flatMap((line) => {
    const [, resource = '', verbs = ''] = /^(\S+)\s+\[\]\s+\[\]\s+\[(.*)\]$/.exec(line) ?? []
    return /^$|\.(authorization|authentication)\.k8s\.io$/.test(resource)
      ? []
      : [[resource, new Set(verbs.split(' '))] as const]
  })
  return new Map(rights)
}

/** As kubectl writes it: `queues.pillion.dev/status`. */
function named(resource: string, group = ''): string {
  const [plural = '', ...subresource] = resource.split('/')
  return [group === '' ? plural : `${plural}.${group}`, ...subresource].join('/')
}
