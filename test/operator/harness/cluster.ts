import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { parse, stringify } from 'yaml'
import { API_VERSION } from '../../../crds/index.ts'
import { systemClock } from '../../../operator/clock.ts'
import { KubeClient } from '../../../operator/kube/client.ts'
import { Credentials } from '../../../operator/kube/credentials.ts'
import { controllerReference, type KubeObject } from '../../../operator/kube/object.ts'
import { configMaps, namespaces, queueBrokers, type Resource } from '../../../operator/kube/resources.ts'
import { httpTransport, type Transport } from '../../../operator/kube/transport.ts'
import { operatorRules } from '../../../operator/rbac.ts'
import { type ControlPlane, startControlPlane } from '../../cluster/control-plane.ts'
import { eventually } from './eventually.ts'

const generated = join(import.meta.dirname, '../../../crds/generated')

/** As whom the operators of tests come: a user who has the rights of the chart's roles and no others. */
const OPERATOR_USER = 'pillion-operator'

const customResources = kind('apiextensions.k8s.io', 'v1', 'customresourcedefinitions', 'CustomResourceDefinition')
const clusterRoles = kind('rbac.authorization.k8s.io', 'v1', 'clusterroles', 'ClusterRole')
const clusterRoleBindings = kind('rbac.authorization.k8s.io', 'v1', 'clusterrolebindings', 'ClusterRoleBinding')
const roleBindings = { ...kind('rbac.authorization.k8s.io', 'v1', 'rolebindings', 'RoleBinding'), namespaced: true }

type AnyObject = KubeObject & Record<string, unknown>

function kind(group: string, version: string, plural: string, name: string): Resource<AnyObject> {
  return { group, version, plural, kind: name, namespaced: false }
}

/** A real API server with the CRDs, and the controllers that make and remove objects for the operator's. */
export class Cluster {
  readonly plane: ControlPlane
  readonly admin: KubeClient
  readonly adminTransport: Transport
  readonly operatorKubeconfig: string
  #count = 0

  constructor(plane: ControlPlane, operatorKubeconfig: string) {
    this.plane = plane
    this.adminTransport = httpTransport(Credentials.fromFile(plane.kubeconfig, systemClock))
    this.admin = new KubeClient({ transport: this.adminTransport })
    this.operatorKubeconfig = operatorKubeconfig
  }

  /** The way of an operator that has exactly the rights of operator/rbac.ts. */
  operatorTransport(): Transport {
    return httpTransport(Credentials.fromFile(this.operatorKubeconfig, systemClock))
  }

  /** A namespace of a test's own, with the Lease of its operators in it. */
  async namespace(): Promise<string> {
    this.#count += 1
    const name = `test-${this.#count}`
    await this.admin.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
    await this.admin.create(roleBindings, {
      apiVersion: RBAC,
      kind: 'RoleBinding',
      metadata: { name: OPERATOR_USER, namespace: name },
      ...bound('pillion-operator-own'),
    })
    return name
  }
}

/** One cluster for the tests of a file. */
export function useCluster(controllers: string[] = []): () => Cluster {
  let cluster: Cluster | undefined
  beforeAll(async () => {
    cluster = await start(controllers)
  })
  afterAll(async () => {
    await cluster?.plane.stop()
  })
  return () => {
    if (cluster === undefined) throw new Error('the cluster is there from beforeAll on')
    return cluster
  }
}

async function start(controllers: string[]): Promise<Cluster> {
  const plane = await startControlPlane({ controllers })
  const operatorKubeconfig = `${plane.kubeconfig}.operator`
  const config = parse(await readFile(plane.kubeconfig, 'utf8'))
  for (const { user } of config.users) user.as = OPERATOR_USER
  await writeFile(operatorKubeconfig, stringify(config), { mode: 0o600 })
  const cluster = new Cluster(plane, operatorKubeconfig)
  const { admin } = cluster
  for (const file of ['pillion.dev_queues.yaml', 'pillion.dev_queuebrokers.yaml', 'pillion.dev_queueoperations.yaml']) {
    const crd: AnyObject = parse(await readFile(join(generated, file), 'utf8'))
    await admin.apply(customResources, crd)
  }
  for (const name of ['queues.pillion.dev', 'queuebrokers.pillion.dev']) {
    await eventually(async () => {
      const { status } = await admin.get(customResources, { namespace: '', name })
      if (!JSON.stringify(status).includes('"type":"Established"')) throw new Error(`${name} is not established`)
    })
  }
  await grant(admin)
  if (controllers.includes('garbage-collector-controller')) await collectsOurKinds(cluster)
  return cluster
}

/** The garbage collector looks for new kinds every 30 s; until then it removes nothing that a QueueBroker owns. */
async function collectsOurKinds({ admin }: Cluster): Promise<void> {
  const metadata = { namespace: 'default', name: 'probe' }
  const owner = await admin.create(queueBrokers, { apiVersion: API_VERSION, kind: 'QueueBroker', metadata, spec: {} })
  const ownerReferences = [controllerReference(owner)]
  await admin.create(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { ...metadata, ownerReferences } })
  await admin.delete(queueBrokers, metadata)
  await eventually(async () => {
    if ((await admin.find(configMaps, metadata)) !== undefined)
      throw new Error('the garbage collector does not know our kinds')
  }, 120_000)
}

const RBAC = 'rbac.authorization.k8s.io/v1'
const bound = (role: string) => ({
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
  subjects: [{ kind: 'User', name: OPERATOR_USER, apiGroup: 'rbac.authorization.k8s.io' }],
})

async function grant(admin: KubeClient): Promise<void> {
  const role = (name: string, rules: unknown) =>
    admin.create(clusterRoles, { apiVersion: RBAC, kind: 'ClusterRole', metadata: { name }, rules })
  await role('pillion-operator-watched', operatorRules.watched)
  await role('pillion-operator-own', operatorRules.own)
  await admin.create(clusterRoleBindings, {
    apiVersion: RBAC,
    kind: 'ClusterRoleBinding',
    metadata: { name: OPERATOR_USER },
    ...bound('pillion-operator-watched'),
  })
}
