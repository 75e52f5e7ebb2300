import { createServer, type Server } from 'node:http'
import { request } from 'undici'
import type { QueueSpec } from '../../../crds/index.ts'
import type {
  ApiErrorCode,
  Correction,
  DeletePolicy,
  MessageCounts,
  QueueObservation,
} from '../../../crds/protocol/api.ts'
import { type Operation, operationRequestSchema } from '../../../crds/protocol/operation.ts'
import { type Peers, peersDigest, peersSchema } from '../../../crds/protocol/peers.ts'
import { type Sidecars, SidecarUnreachableError, sidecars, type Way } from '../../../operator/sidecar-client.ts'

type FakeQueue = {
  generation: number
  spec: QueueSpec
  messages: MessageCounts
  transactionsInDoubt: number
  corrected: Correction[]
  /** By id, as they were asked for; a test says how far they are. */
  operations: Map<string, Operation>
  /** Of other brokers, as they were told. */
  tokens: string[]
}
type Refusal = { status: number; code: ApiErrorCode; message: string; field?: string }
type FakeBroker = {
  up: boolean
  queues: Map<string, FakeQueue>
  /** What a PUT is answered with instead of success. */
  refusal?: Refusal | undefined
  /** What it was told of other brokers since it started; null: it is older than that. */
  peers?: Peers | undefined | null
}

const empty: MessageCounts = { ready: 0, inFlight: 0, delayed: 0, deadLettered: 0 }

/**
 * The sidecars of a cluster that has no kubelet to run any: one HTTP server that speaks for every broker. What a broker holds stays
 * when it is down, as in a volume.
 */
export class FakeSidecars {
  readonly #brokers = new Map<string, FakeBroker>()
  readonly #server: Server
  readonly #tokens: (key: string) => string | undefined
  /** Method, broker and queue of each call, with the policy of a DELETE. */
  readonly calls: string[] = []
  /** Method and broker of each call about other brokers. */
  readonly peerCalls: string[] = []
  /** Called before a call is answered, to change things in between two calls. */
  onCall: (call: string) => void = () => {}
  #port = 0

  /** @param tokens the token that the sidecar of `namespace/broker` wants to see; undefined: any */
  constructor(tokens: (key: string) => string | undefined = () => undefined) {
    this.#tokens = tokens
    this.#server = createServer((incoming, outgoing) => {
      let body = ''
      incoming.setEncoding('utf8')
      incoming.on('data', (chunk: string) => {
        body += chunk
      })
      incoming.on('end', () => {
        const url = new URL(incoming.url ?? '/', 'http://sidecar')
        const [status, answer] = this.#answer(incoming.method ?? '', url, incoming.headers.authorization, body)
        outgoing.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
      })
    })
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    this.#port = address.port
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  broker(namespace: string, name: string): FakeBroker {
    const key = `${namespace}/${name}`
    let broker = this.#brokers.get(key)
    if (broker === undefined) {
      broker = { up: true, queues: new Map() }
      this.#brokers.set(key, broker)
    }
    return broker
  }

  queue(namespace: string, broker: string, name: string): FakeQueue {
    const queue = this.broker(namespace, broker).queues.get(name)
    if (queue === undefined) throw new Error(`the sidecar of ${namespace}/${broker} has no queue ${name}`)
    return queue
  }

  /** What the operator calls them by. */
  clients(): Sidecars {
    const way: Way = async (at, { method, path, query, body }) => {
      if (!this.broker(at.namespace, at.broker).up) throw new SidecarUnreachableError('connection refused')
      const answer = await request(`http://127.0.0.1:${this.#port}/${at.namespace}/${at.broker}${path}`, {
        method,
        headers: { authorization: `Bearer ${at.token}`, 'content-type': 'application/json' },
        body: body ?? null,
        ...(query === undefined ? {} : { query }),
      })
      return { status: answer.statusCode, text: await answer.body.text() }
    }
    return sidecars(way)
  }

  #answer(method: string, url: URL, authorization: string | undefined, body: string): [number, unknown] {
    const [, namespace = '', brokerName = '', kind, name = '', rest = '', id = ''] = url.pathname.split('/')
    const policy = url.searchParams.get('policy')
    const suffix = rest === '' ? '' : `/${rest}`
    const call = `${method} ${namespace}/${brokerName}/${name}${suffix}${policy === null ? '' : ` ${policy}`}`
    if (kind === 'peers') this.peerCalls.push(`${method} ${namespace}/${brokerName}`)
    else {
      this.calls.push(call)
      this.onCall(call)
    }
    const broker = this.broker(namespace, brokerName)
    const token = this.#tokens(`${namespace}/${brokerName}`)
    if (token !== undefined && authorization !== `Bearer ${token}`) {
      return [401, { error: { code: 'Unauthorized', message: 'the token is wrong' } }]
    }
    if (kind === 'peers') return peersAnswer(broker, method, body)
    const queue = broker.queues.get(name)
    if (method === 'PUT') return this.#put(broker, name, body)
    if (queue === undefined) return [404, { error: { code: 'QueueNotFound', message: `no queue ${name}` } }]
    if (rest === 'operations') return operationAnswer(queue, name, method, id, body)
    if (method === 'GET') return [200, observationOf(name, queue)]
    const { ready, inFlight, delayed } = queue.messages
    if (isPolicy(policy) && policy === 'KeepNonEmpty' && ready + inFlight + delayed > 0) {
      return [409, { error: { code: 'QueueNotEmpty', message: 'not empty', messages: queue.messages } }]
    }
    broker.queues.delete(name)
    return [200, { deleted: true }]
  }

  #put(broker: FakeBroker, name: string, body: string): [number, unknown] {
    if (broker.refusal !== undefined) {
      const { status, ...error } = broker.refusal
      return [status, { error }]
    }
    const { generation, spec }: { generation: number; spec: QueueSpec } = JSON.parse(body)
    const queue = broker.queues.get(name) ?? {
      generation,
      spec,
      messages: empty,
      transactionsInDoubt: 0,
      corrected: [],
      operations: new Map(),
      tokens: [],
    }
    broker.queues.set(name, { ...queue, generation, spec, corrected: [] })
    return [200, observationOf(name, { ...queue, generation })]
  }
}

function peersAnswer(broker: FakeBroker, method: string, body: string): [number, unknown] {
  if (broker.peers === null) return [404, { error: { code: 'QueueNotFound', message: 'nothing is at /peers' } }]
  if (method === 'PUT') broker.peers = peersSchema.parse(JSON.parse(body))
  return [200, broker.peers === undefined ? {} : { digest: peersDigest(broker.peers) }]
}

function operationAnswer(queue: FakeQueue, name: string, method: string, id: string, body: string): [number, unknown] {
  if (method === 'POST') {
    const { broker, ...request } = operationRequestSchema.parse(JSON.parse(body))
    const started: Operation = {
      ...request,
      ...(broker === undefined ? {} : { broker: { url: broker.url } }),
      id: request.id ?? '',
      from: request.from ?? 'dead-letters',
      queue: name,
      state: 'Running',
      message: '',
      total: 10,
      looked: 0,
      done: 0,
      skipped: 0,
      startedAt: new Date().toISOString(),
    }
    const operation = queue.operations.get(started.id) ?? started
    if (broker !== undefined) queue.tokens.push(broker.token ?? '')
    queue.operations.set(operation.id, operation)
    return [201, operation]
  }
  const operation = queue.operations.get(id)
  if (operation === undefined) return [404, { error: { code: 'OperationNotFound', message: `no operation ${id}` } }]
  if (method === 'DELETE') queue.operations.set(id, { ...operation, state: 'Cancelled' })
  return [200, queue.operations.get(id)]
}

const isPolicy = (text: string | null): text is DeletePolicy =>
  text === 'KeepNonEmpty' || text === 'Delete' || text === 'Retain'

const observationOf = (
  name: string,
  { generation, messages, transactionsInDoubt, corrected }: FakeQueue,
): QueueObservation => ({
  name,
  generation,
  configured: true,
  subject: `q.${name}`,
  messages,
  transactionsInDoubt,
  corrected,
})
