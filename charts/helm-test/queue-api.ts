import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'

const POLL_MS = 1000

const conditionSchema = z.object({
  type: z.string(),
  status: z.string(),
  observedGeneration: z.number().optional(),
  reason: z.string().default(''),
  message: z.string().default(''),
})
const queueSchema = z.object({
  metadata: z.object({ generation: z.number() }),
  status: z.object({ conditions: z.array(conditionSchema).default([]) }).prefault({}),
})
const secretSchema = z.object({ data: z.object({ url: z.string(), username: z.string(), password: z.string() }) })
type StoredQueue = z.output<typeof queueSchema>

export interface BrokerCredentials {
  readonly url: string
  readonly username: string
  readonly password: string
}

export interface QueueApiOptions {
  /** Such as `https://10.96.0.1:443`. */
  readonly apiServer: string
  readonly token: string
  readonly namespace: string
  readonly queue: string
  /** Ends whatever waits. */
  readonly signal: AbortSignal
}

/** The API server, as far as the test needs it: one Queue and the Secret of its broker. */
export class QueueApi {
  readonly #options: QueueApiOptions

  constructor(options: QueueApiOptions) {
    this.#options = options
  }

  /** Makes the Queue; one of the same name, left by a test that was ended, is deleted before. */
  async create(spec: object): Promise<void> {
    const { namespace, queue: name } = this.#options
    const manifest = { apiVersion: 'pillion.dev/v1alpha1', kind: 'Queue', metadata: { name, namespace }, spec }
    const created = await this.#call('POST', this.#queues, manifest)
    if (created.status !== 409) return
    await this.delete()
    await this.#call('POST', this.#queues, manifest, [])
  }

  /**
   * Waits until the Queue is Ready.
   * @throws Error with its conditions, when the time is up.
   */
  async ready(): Promise<void> {
    let last: StoredQueue | undefined
    try {
      for (;;) {
        last = queueSchema.parse(await (await this.#call('GET', this.#queue)).json())
        if (isReady(last)) return
        await this.#pause()
      }
    } catch (error) {
      if (!this.#options.signal.aborted) throw error
      throw new Error(`the Queue is not Ready in time; its conditions:\n${conditionsOf(last)}`, { cause: error })
    }
  }

  async credentials(): Promise<BrokerCredentials> {
    const { namespace, queue } = this.#options
    const answer = await this.#call('GET', `/api/v1/namespaces/${namespace}/secrets/${queue}-client`)
    const { data } = secretSchema.parse(await answer.json())
    const plain = (text: string) => Buffer.from(text, 'base64').toString('utf8')
    return { url: plain(data.url), username: plain(data.username), password: plain(data.password) }
  }

  /** Deletes the Queue and waits until it is gone. */
  async delete(): Promise<void> {
    await this.#call('DELETE', this.#queue, undefined, [404])
    while ((await this.#call('GET', this.#queue, undefined, [404])).status !== 404) await this.#pause()
  }

  get #queues(): string {
    return `/apis/pillion.dev/v1alpha1/namespaces/${this.#options.namespace}/queues`
  }

  get #queue(): string {
    return `${this.#queues}/${this.#options.queue}`
  }

  async #pause(): Promise<void> {
    await sleep(POLL_MS, undefined, { signal: this.#options.signal })
  }

  async #call(method: string, path: string, body?: object, expected: readonly number[] = [409]): Promise<Response> {
    const { apiServer, token, signal } = this.#options
    const response = await fetch(apiServer + path, {
      method,
      headers: { Authorization: `Bearer ${token}`, Accept: 'application/json', 'Content-Type': 'application/json' },
      body: body === undefined ? null : JSON.stringify(body),
      signal,
    }).catch((error: unknown) => {
      const cause = error instanceof Error ? (error.cause ?? error) : error
      throw new Error(`${method} ${apiServer}${path} got no answer: ${String(cause)}`, { cause: error })
    })
    if (response.ok || expected.includes(response.status)) return response
    throw new Error(`${method} ${path} was answered with ${response.status}: ${(await response.text()).slice(0, 1000)}`)
  }
}

function isReady({ metadata, status }: StoredQueue): boolean {
  const ready = status.conditions.find(({ type }) => type === 'Ready')
  return ready?.status === 'True' && ready.observedGeneration === metadata.generation
}

function conditionsOf(queue: StoredQueue | undefined): string {
  const conditions = queue?.status.conditions ?? []
  if (conditions.length === 0) return '  none: is the operator running, and does it watch this namespace?'
  return conditions.map(({ type, status, reason, message }) => `  ${type}=${status} ${reason}: ${message}`).join('\n')
}
