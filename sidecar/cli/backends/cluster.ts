import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { API_VERSION, GROUP, VERSION } from '../../../crds/index.ts'
import { PROXY_AUTHORIZATION_HEADER } from '../../../crds/protocol/api.ts'
import type { Operation, OperationRequest, OperationState } from '../../../crds/protocol/operation.ts'
import type { Backend } from './backend.ts'
import type { Kube } from './kube.ts'
import { Refused, sidecarApi } from './sidecar-api.ts'

const count = z.number().default(0)
const countsSchema = z.object({ ready: count, inFlight: count, delayed: count, deadLettered: count })
const none = { ready: 0, inFlight: 0, delayed: 0, deadLettered: 0 }

const queueSchema = z.looseObject({
  metadata: z.looseObject({ name: z.string() }),
  spec: z.looseObject({
    type: z.string().default(''),
    ordering: z.looseObject({ mode: z.string().default('') }).prefault({}),
    paused: z.boolean().default(false),
  }),
  status: z.looseObject({ broker: z.string().optional(), messages: countsSchema.optional() }).prefault({}),
})
const brokersSchema = z.object({ items: z.array(z.object({ metadata: z.object({ name: z.string() }) })) })
const secretSchema = z.object({ data: z.object({ token: z.string() }) })
const operationSchema = z.object({
  spec: z.object({ dryRun: z.boolean().default(false) }),
  status: z
    .object({
      startedAt: z.string().default(''),
      finishedAt: z.string().optional(),
      conditions: z
        .array(z.object({ type: z.string(), status: z.string(), reason: z.string(), message: z.string() }))
        .default([]),
      messages: z.object({ total: count, looked: count, done: count, skipped: count }).prefault({}),
    })
    .prefault({}),
})

/** What the sidecar's API calls `dead-letters` is `DeadLetters` in a manifest. */
const camelCase = (text: string): string =>
  text.replaceAll(/(^|-)([a-z])/g, (_, _dash, letter: string) => letter.toUpperCase())

/** The Queues of a namespace. What changes messages is an object that Kubernetes' own rights are for; what only looks goes through the API server's proxy. */
export function cluster(kube: Kube): Backend {
  const objects = (plural: string, name = ''): string =>
    `/apis/${GROUP}/${VERSION}/namespaces/${kube.namespace}/${plural}${name === '' ? '' : `/${encodeURIComponent(name)}`}`
  const queue = async (name: string) => queueSchema.parse(await kube.ask('GET', objects('queues', name)))

  /** A broker's sidecar, with the token that its Secret has. */
  const sidecarOf = async (broker: string): Promise<Backend> => {
    const core = `/api/v1/namespaces/${kube.namespace}`
    const { data } = secretSchema.parse(await kube.ask('GET', `${core}/secrets/${broker}-sidecar`))
    const token = Buffer.from(data.token, 'base64').toString()
    return sidecarApi((method, path, body) => {
      // A transaction in doubt is no object of Kubernetes: who decides it needs the rights to the proxy's POST, and to the token.
      const isResolve = method === 'POST' && /^\/transactions\/[^/]+\/resolve$/.test(path)
      if (method !== 'GET' && !isResolve) throw new Error(`${method} goes by objects of Kubernetes`)
      const headers = { [PROXY_AUTHORIZATION_HEADER]: `Bearer ${token}` }
      return kube.send(method, `${core}/services/${broker}:http/proxy${path}`, { body, headers })
    })
  }
  const sidecar = async (name: string): Promise<Backend> => sidecarOf((await queue(name)).status.broker ?? name)
  const brokers = async (): Promise<string[]> => {
    const { items } = brokersSchema.parse(await kube.ask('GET', objects('queuebrokers')))
    return items.map(({ metadata }) => metadata.name)
  }
  /** Where a transaction is kept, as long as it is known. */
  const keeperOf = async (id: string): Promise<string> => {
    const names = await brokers()
    const has = async (name: string): Promise<string[]> => {
      try {
        await (await sidecarOf(name)).transaction(id, undefined)
        return [name]
      } catch (error) {
        if (error instanceof Refused && error.code === 'TransactionNotFound') return []
        throw error
      }
    }
    const [name, ...more] = (await Promise.all(names.map(has))).flat()
    if (name === undefined) throw new Error(`no broker of namespace ${kube.namespace} knows transaction ${id}`)
    if (more.length === 0) return name
    throw new Error(`transaction ${id} is known to ${[name, ...more].join(', ')}; say which is meant with --broker`)
  }

  return {
    async queues() {
      const { items } = z.object({ items: z.array(queueSchema) }).parse(await kube.ask('GET', objects('queues')))
      return items.map(({ metadata, spec, status }) => ({
        name: metadata.name,
        mode: spec.type === 'Hierarchical' ? spec.type : spec.ordering.mode,
        paused: spec.paused,
        messages: status.messages ?? none,
      }))
    },
    async describe(name) {
      const { spec, status } = await queue(name)
      return { spec, status }
    },
    ledger: async (name) => (await sidecar(name)).ledger(name),
    browse: async (name, source, parameters) => (await sidecar(name)).browse(name, source, parameters),
    async pause(name, paused) {
      await kube.ask('PATCH', objects('queues', name), { spec: { paused } }, 'application/merge-patch+json')
    },
    async operate(name, request) {
      const id = `${request.kind}-${randomBytes(4).toString('hex')}`
      await kube.ask('POST', objects('queueoperations'), {
        apiVersion: API_VERSION,
        kind: 'QueueOperation',
        metadata: { name: id },
        spec: specOf(name, request),
      })
      return id
    },
    async operation(name, id) {
      const { spec, status } = operationSchema.parse(await kube.ask('GET', objects('queueoperations', id)))
      const { reason = 'Running', message = '' } = status.conditions.find(({ type }) => type === 'Ready') ?? {}
      const is = (type: string): boolean => status.conditions.some((one) => one.type === type && one.status === 'True')
      const state: OperationState = is('Complete')
        ? 'Succeeded'
        : is('Failed')
          ? 'Failed'
          : reason === 'Running'
            ? 'Running'
            : 'Waiting'
      return {
        id,
        queue: name,
        kind: 'redrive',
        from: 'dead-letters',
        select: {},
        dryRun: spec.dryRun,
        state,
        message: state === 'Running' ? '' : message,
        ...status.messages,
        startedAt: status.startedAt,
        ...(status.finishedAt === undefined ? {} : { finishedAt: status.finishedAt }),
      } satisfies Operation
    },
    async cancel(_name, id) {
      await kube.ask('DELETE', objects('queueoperations', id))
    },
    async transactions(broker) {
      const names = broker === undefined ? await brokers() : [broker]
      const all = names.map(async (name) => {
        const own = await (await sidecarOf(name)).transactions(undefined)
        return own.map((transaction) => ({ ...transaction, broker: name }))
      })
      return (await Promise.all(all)).flat()
    },
    async transaction(id, named) {
      const broker = named ?? (await keeperOf(id))
      return { ...(await (await sidecarOf(broker)).transaction(id, undefined)), broker }
    },
    async parts(id, coordinator, named) {
      const names = named === undefined ? await brokers() : [named]
      const all = names.map(async (name) => {
        const own = await (await sidecarOf(name)).parts(id, coordinator, undefined)
        return own.map((part) => ({ ...part, broker: name }))
      })
      return (await Promise.all(all)).flat()
    },
    async resolve(id, decision, { broker: named, ...which }) {
      const broker = named ?? (await keeperOf(id))
      return { ...(await (await sidecarOf(broker)).resolve(id, decision, which)), broker }
    },
  }
}

function specOf(queue: string, { kind, from, to, select, ratePerSecond, dryRun }: OperationRequest): object {
  const { reason, ...rest } = select
  return {
    queueRef: { name: queue },
    kind: camelCase(kind),
    ...(from === undefined ? {} : { from: camelCase(from) }),
    ...(to === undefined ? {} : { to: { name: to } }),
    select: { ...rest, ...(reason === undefined ? {} : { reason: camelCase(reason) }) },
    ...(ratePerSecond === undefined ? {} : { ratePerSecond }),
    dryRun,
    // Whoever asked for it on a terminal has seen its end.
    ttlSecondsAfterFinished: 3600,
  }
}
