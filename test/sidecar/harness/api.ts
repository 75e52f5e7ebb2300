import { type DeletePolicy, type QueueObservation, queueObservationSchema } from '../../../crds/protocol/api.ts'
import { ledgerSchema, type QueueLedger } from '../../../crds/protocol/ledger.ts'

export interface Answer {
  readonly status: number
  readonly text: string
  /** Undefined when the answer was not JSON. */
  readonly json: unknown
}

/** A Queue's spec as a user writes it; what is in it is the business of what reads it. */
export interface QueueInput {
  readonly retention?: object
  readonly deadLetter?: object
  readonly [section: string]: unknown
}

/** The sidecar's HTTP API as the operator uses it. */
export class Api {
  readonly #url: () => string
  readonly #token: string | undefined

  /** `url` is asked for each time: a sidecar that was started again listens elsewhere. */
  constructor(url: () => string, token: string | undefined) {
    this.#url = url
    this.#token = token
  }

  async request(method: string, path: string, init: RequestInit & { duplex?: 'half' } = {}): Promise<Answer> {
    const authorization: Record<string, string> =
      this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` }
    const response = await fetch(`${this.#url()}${path}`, { method, headers: authorization, ...init })
    const text = await response.text()
    const isJson = response.headers.get('content-type')?.startsWith('application/json') ?? false
    const json: unknown = isJson ? JSON.parse(text) : undefined
    return { status: response.status, text, json }
  }

  /** With limits that many Queues of one test fit into, where `spec` names none. */
  tryPut(queue: string, spec: QueueInput = {}, generation = 1): Promise<Answer> {
    const small = {
      ...spec,
      retention: { maxBytes: '64Mi', ...spec.retention },
      deadLetter: { maxBytes: '16Mi', ...spec.deadLetter },
    }
    return this.request('PUT', `/queues/${queue}`, { body: JSON.stringify({ generation, spec: small }) })
  }

  async put(queue: string, spec: QueueInput = {}, generation = 1): Promise<QueueObservation> {
    return observation(await this.tryPut(queue, spec, generation))
  }

  async get(queue: string): Promise<QueueObservation> {
    return observation(await this.request('GET', `/queues/${queue}`))
  }

  async ledger(queue: string): Promise<QueueLedger> {
    return ledgerSchema.parse(ok(await this.request('GET', `/queues/${queue}/ledger`)))
  }

  delete(queue: string, policy?: DeletePolicy): Promise<Answer> {
    return this.request('DELETE', `/queues/${queue}${policy === undefined ? '' : `?policy=${policy}`}`)
  }

  async metrics(): Promise<Sample[]> {
    return parseMetrics((await this.request('GET', '/metrics')).text)
  }

  /** Value of the one series with these labels; undefined when it is not exported. */
  async metric(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number | undefined> {
    return (await this.metrics()).find(
      (sample) =>
        sample.name === name && Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
    )?.value
  }
}

function ok({ status, text, json }: Answer): unknown {
  if (status !== 200) throw new Error(`${status}: ${text}`)
  return json
}

const observation = (answer: Answer): QueueObservation => queueObservationSchema.strict().parse(ok(answer))

export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export function parseMetrics(text: string): Sample[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name = '', labels = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)/.exec(line) ?? []
      return {
        name,
        labels: Object.fromEntries([...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, value]) => [key, value])),
        value: Number(value),
      }
    })
}
