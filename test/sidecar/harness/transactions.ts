import type { NatsConnection } from '@nats-io/transport-node'
import { type Transaction, transactionSchema } from '../../../crds/protocol/transaction.ts'
import { z } from 'zod'

const refusalSchema = z.object({
  error: z.object({ code: z.string(), field: z.string().optional(), message: z.string() }),
})
export type Refusal = z.infer<typeof refusalSchema>

/** Transactions as a client asks for them over NATS. */
export class TransactionClient {
  readonly #connection: NatsConnection

  constructor(connection: NatsConnection) {
    this.#connection = connection
  }

  /** What is answered, whatever it is. */
  async raw(verb: string, body: unknown, timeout = 20_000): Promise<Transaction | Refusal> {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    const json: unknown = (await this.#connection.request(`pillion.tx.${verb}`, text, { timeout })).json()
    const transaction = transactionSchema.strict().safeParse(json)
    return transaction.success ? transaction.data : refusalSchema.strict().parse(json)
  }

  async ask(verb: string, body: unknown): Promise<Transaction> {
    const answer = await this.raw(verb, body)
    if ('id' in answer) return answer
    throw new Error(`${answer.error.code}: ${answer.error.message}`)
  }

  /** What it is refused for: code, field and message; of a transaction that was aborted for it too. */
  async refused(verb: string, body: unknown): Promise<{ code: string; field?: string | undefined; message: string }> {
    const { error } = await this.raw(verb, body)
    if (error === undefined) throw new Error(`pillion.tx.${verb} was not refused`)
    return error
  }
}

export const to = (queue: string, ...bodies: string[]): Array<{ queue: string; body: string }> =>
  bodies.map((body) => ({ queue, body }))
