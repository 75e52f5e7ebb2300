import type { z } from 'zod'
import { request as send } from 'undici'
import {
  type ApiErrorCode,
  apiErrorSchema,
  type DeletePolicy,
  type MessageCounts,
  PROXY_AUTHORIZATION_HEADER,
  type QueueObservation,
  queueObservationSchema,
} from '../crds/protocol/api.ts'
import { type Operation, type OperationRequest, operationSchema } from '../crds/protocol/operation.ts'
import { type Peers, type PeersKnown, peersKnownSchema } from '../crds/protocol/peers.ts'
import type { QueueSpec } from '../crds/index.ts'
import { clientServiceName, HTTP_PORT } from './desired/names.ts'
import type { KubeClient } from './kube/client.ts'

/** Which broker, and the token that its sidecar wants to see. */
export type BrokerAccess = { readonly namespace: string; readonly broker: string; readonly token: string }

/** The sidecar answered, and the answer is no. */
export class SidecarError extends Error {
  override readonly name = 'SidecarError'
  readonly code: ApiErrorCode
  readonly field: string | undefined
  /** What the sidecar said, without our context. */
  readonly detail: string
  /** Only with QueueNotEmpty. */
  readonly messages: MessageCounts | undefined

  constructor(
    where: string,
    error: { code: ApiErrorCode; field?: string | undefined; message: string; messages?: MessageCounts | undefined },
  ) {
    super(`${where}: ${error.code}: ${error.message}`)
    this.code = error.code
    this.field = error.field
    this.detail = error.message
    this.messages = error.messages
  }
}

/** No answer of the sidecar's: it is not there, or something between us and it is not. */
export class SidecarUnreachableError extends Error {
  override readonly name = 'SidecarUnreachableError'
}

/** The sidecars' HTTP API. Every method throws SidecarError or SidecarUnreachableError. */
export interface Sidecars {
  /** Configures the Queue, or takes it up again; idempotent; corrects drift and tells it. */
  put(at: BrokerAccess, queue: string, generation: number, spec: QueueSpec): Promise<QueueObservation>
  /** Undefined: the sidecar does not know the Queue. */
  get(at: BrokerAccess, queue: string): Promise<QueueObservation | undefined>
  /** False: the sidecar did not know the Queue. @throws SidecarError QueueNotEmpty (KeepNonEmpty only) */
  remove(at: BrokerAccess, queue: string, policy: DeletePolicy): Promise<boolean>
  /** Begins an operation; the same id again is the same one. @throws SidecarError OperationRunning, QueueNotPaused, … */
  operate(at: BrokerAccess, queue: string, request: OperationRequest): Promise<Operation>
  /** Undefined: the sidecar does not know the operation, or the Queue. */
  operation(at: BrokerAccess, queue: string, id: string): Promise<Operation | undefined>
  /** Ends it; false: there was nothing to end. */
  cancelOperation(at: BrokerAccess, queue: string, id: string): Promise<boolean>
  /** What it was told last of other brokers; undefined: it is older than that, and cannot be told. */
  peers(at: BrokerAccess): Promise<PeersKnown | undefined>
  /** Tells it of the other brokers of its namespace, in place of what it was told before. */
  tellPeers(at: BrokerAccess, peers: Peers): Promise<PeersKnown>
}

type Call = {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE'
  readonly path: string
  readonly query?: Record<string, string>
  readonly body?: string
}
type Answer = { readonly status: number; readonly text: string }
/** How a call gets to a sidecar. @throws SidecarUnreachableError */
export type Way = (at: BrokerAccess, call: Call) => Promise<Answer>

/** A sidecar that is well answers in milliseconds; making streams on a slow disk takes longer. */
const TIMEOUT_MS = 15_000

export function sidecars(way: Way): Sidecars {
  const call = async (at: BrokerAccess, what: Call): Promise<unknown> => {
    const { status, text } = await way(at, what)
    const body = parse(text)
    if (status < 300) return body
    const where = `${what.method} ${what.path} at broker ${at.namespace}/${at.broker}`
    const error = apiErrorSchema.safeParse(body)
    if (error.success) throw new SidecarError(where, error.data.error)
    throw new SidecarUnreachableError(`${where}: ${status}, and not in the sidecar's form: ${text.slice(0, 200)}`)
  }
  const answered =
    <T>(schema: z.ZodType<T>) =>
    (body: unknown): T => {
      const answer = schema.safeParse(body)
      if (answer.success) return answer.data
      throw new SidecarUnreachableError('the sidecar answered in a form that this operator does not know; update both')
    }
  const observed = answered(queueObservationSchema)
  const operated = answered(operationSchema)
  const known = answered(peersKnownSchema)
  return {
    async put(at, queue, generation, spec) {
      return observed(
        await call(at, { method: 'PUT', path: pathOf(queue), body: JSON.stringify({ generation, spec }) }),
      )
    },
    async get(at, queue) {
      const body = await unlessUnknown(call(at, { method: 'GET', path: pathOf(queue) }))
      return body === undefined ? undefined : observed(body)
    },
    async remove(at, queue, policy) {
      const body = await unlessUnknown(call(at, { method: 'DELETE', path: pathOf(queue), query: { policy } }))
      return body !== undefined
    },
    async operate(at, queue, request) {
      const path = `${pathOf(queue)}/operations`
      return operated(await call(at, { method: 'POST', path, body: JSON.stringify(request) }))
    },
    async operation(at, queue, id) {
      const body = await unlessUnknown(call(at, { method: 'GET', path: operationPath(queue, id) }))
      return body === undefined ? undefined : operated(body)
    },
    async cancelOperation(at, queue, id) {
      const body = await unlessUnknown(call(at, { method: 'DELETE', path: operationPath(queue, id) }))
      return body !== undefined
    },
    async peers(at) {
      // What a sidecar says of a route that it does not have is QueueNotFound too.
      const body = await unlessUnknown(call(at, { method: 'GET', path: PEERS }))
      return body === undefined ? undefined : known(body)
    },
    async tellPeers(at, peers) {
      return known(await call(at, { method: 'PUT', path: PEERS, body: JSON.stringify(peers) }))
    },
  }
}

/** Of a broker's Service, by its name in the cluster's DNS. */
export const serviceUrl = ({ broker, namespace }: Pick<BrokerAccess, 'broker' | 'namespace'>): string =>
  `http://${clientServiceName(broker)}.${namespace}.svc:${HTTP_PORT}`

/** Straight to it. */
export const throughService =
  (signal: AbortSignal): Way =>
  async (at, { method, path, query, body }) => {
    const url = serviceUrl(at)
    try {
      const response = await send(`${url}${path}`, {
        method,
        headers: { ...jsonHeaders, authorization: `Bearer ${at.token}` },
        body: body ?? null,
        ...(query === undefined ? {} : { query }),
        signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
      })
      return { status: response.statusCode, text: await response.body.text() }
    } catch (error) {
      throw new SidecarUnreachableError(`${url} does not answer: ${reasonOf(error)}`, { cause: error })
    }
  }

/** Through the API server's proxy, for an operator outside the cluster. */
export const throughApiServer =
  (client: KubeClient): Way =>
  async (at, { method, path, query, body }) => {
    const service = `${clientServiceName(at.broker)}:http`
    try {
      const response = await client.proxy({
        method,
        path: `/api/v1/namespaces/${at.namespace}/services/${service}/proxy${path}`,
        headers: { ...jsonHeaders, [PROXY_AUTHORIZATION_HEADER]: `Bearer ${at.token}` },
        ...(query === undefined ? {} : { query }),
        ...(body === undefined ? {} : { body }),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      })
      return { status: response.status, text: await response.text() }
    } catch (error) {
      throw new SidecarUnreachableError(`the API server's proxy does not answer: ${reasonOf(error)}`, { cause: error })
    }
  }

const jsonHeaders = { 'content-type': 'application/json', accept: 'application/json' }
const pathOf = (queue: string): string => `/queues/${encodeURIComponent(queue)}`
const PEERS = '/peers'
const operationPath = (queue: string, id: string): string => `${pathOf(queue)}/operations/${encodeURIComponent(id)}`
const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const UNKNOWN: readonly ApiErrorCode[] = ['QueueNotFound', 'OperationNotFound']

async function unlessUnknown(answer: Promise<unknown>): Promise<unknown> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof SidecarError && UNKNOWN.includes(error.code)) return undefined
    throw error
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
