import { apiErrorSchema, queueObservationSchema } from '../../../crds/protocol/api.ts'
import { browsePageSchema } from '../../../crds/protocol/browse.ts'
import { ledgerSchema } from '../../../crds/protocol/ledger.ts'
import { operationSchema } from '../../../crds/protocol/operation.ts'
import { transactionSchema } from '../../../crds/protocol/transaction.ts'
import { parseQueueSpec, type QueueSpec } from '../../../crds/index.ts'
import { z } from 'zod'
import type { Backend } from './backend.ts'

/** One request to a sidecar's HTTP API. */
export type Send = (method: string, path: string, body?: string) => Promise<{ status: number; text: string }>

/** What the sidecar refuses, with the code that it has for that. */
export class Refused extends Error {
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

const transactionsSchema = z.object({ transactions: z.array(transactionSchema) })
const declarationSchema = z.object({ generation: z.int(), spec: z.unknown() })
const queuesSchema = z.object({ queues: z.array(queueObservationSchema) })

/** The Queues of one broker, by its sidecar's HTTP API. */
export function sidecarApi(send: Send): Backend {
  const call = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const { status, text } = await send(method, path, body === undefined ? undefined : JSON.stringify(body))
    const json: unknown = JSON.parse(text)
    if (status < 300) return json
    const refused = apiErrorSchema.safeParse(json)
    if (!refused.success) throw new Error(`${method} ${path}: ${status}: ${text.slice(0, 200)}`)
    const { code, field, message } = refused.data.error
    throw new Refused(code, field === undefined || message.startsWith(field) ? message : `${field}: ${message}`)
  }
  const of = (queue: string): string => `/queues/${encodeURIComponent(queue)}`
  const declaration = async (queue: string): Promise<{ generation: number; spec: QueueSpec }> => {
    const { generation, spec } = declarationSchema.parse(await call('GET', `${of(queue)}/spec`))
    const parsed = parseQueueSpec(spec)
    if (!parsed.ok) throw new Error(`the spec of queue ${queue} is not one of this version`)
    return { generation, spec: parsed.value }
  }
  return {
    async queues() {
      const { queues } = queuesSchema.parse(await call('GET', '/queues'))
      return Promise.all(
        queues.map(async ({ name, messages }) => {
          const { spec } = await declaration(name)
          const mode = spec.type === 'Hierarchical' ? spec.type : spec.ordering.mode
          return { name, mode, paused: spec.paused, messages }
        }),
      )
    },
    async describe(queue) {
      const { spec } = await declaration(queue)
      return { spec, status: await call('GET', of(queue)) }
    },
    async ledger(queue) {
      return ledgerSchema.parse(await call('GET', `${of(queue)}/ledger`))
    },
    async browse(queue, source, parameters) {
      const query = new URLSearchParams(parameters).toString()
      return browsePageSchema.parse(await call('GET', `${of(queue)}/${source}?${query}`))
    },
    async pause(queue, paused) {
      const { generation, spec } = await declaration(queue)
      await call('PUT', of(queue), { generation, spec: { ...spec, paused } })
    },
    async operate(queue, request) {
      return operationSchema.parse(await call('POST', `${of(queue)}/operations`, request)).id
    },
    async operation(queue, id) {
      return operationSchema.parse(await call('GET', `${of(queue)}/operations/${encodeURIComponent(id)}`))
    },
    async cancel(queue, id) {
      await call('DELETE', `${of(queue)}/operations/${encodeURIComponent(id)}`)
    },
    async transactions() {
      return transactionsSchema.parse(await call('GET', '/transactions')).transactions
    },
    async transaction(id) {
      return transactionSchema.parse(await call('GET', `/transactions/${encodeURIComponent(id)}`))
    },
    async parts(id, coordinator) {
      const query = new URLSearchParams({ coordinator }).toString()
      try {
        return [transactionSchema.parse(await call('GET', `/transactions/${encodeURIComponent(id)}?${query}`))]
      } catch (error) {
        if (error instanceof Refused && error.code === 'TransactionNotFound') return []
        throw error
      }
    },
    async resolve(id, decision, { coordinator, without }) {
      // JSON leaves out what is undefined.
      const body = { decision, coordinator, without }
      return transactionSchema.parse(await call('POST', `/transactions/${encodeURIComponent(id)}/resolve`, body))
    },
  }
}

/** A sidecar whose port can be reached; embedded mode's, or one that a port is forwarded to. */
export function overHttp(url: string, token: string | undefined): Backend {
  return sidecarApi(async (method, path, body) => {
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` }
    try {
      const answer = await fetch(new URL(path, url), { method, headers, ...(body === undefined ? {} : { body }) })
      return { status: answer.status, text: await answer.text() }
    } catch (error) {
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error)
      throw new Error(`${url} does not answer (${cause}); start it with npm start, or name another with --http`, {
        cause: error,
      })
    }
  })
}
