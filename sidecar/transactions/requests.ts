import type { Transaction } from '../../crds/protocol/transaction.ts'
import { apiFailure } from '../broker/api-failure.ts'
import { SidecarError } from '../sidecar-error.ts'
import type { Transactions } from './transactions.ts'

/** What can be asked of a transaction, over NATS (`pillion.tx.<verb>`) and HTTP. */
export const VERBS = ['begin', 'send', 'ack', 'prepare', 'commit', 'abort'] as const
export type Verb = (typeof VERBS)[number]

/** A commit that says what it sends or acknowledges is a whole transaction; else it is of one that was begun. */
const isWhole = (input: unknown): boolean =>
  typeof input !== 'object' || input === null || 'sends' in input || 'acks' in input

export function ask(transactions: Transactions, verb: Verb, input: unknown): Promise<Transaction> {
  switch (verb) {
    case 'begin':
      return transactions.begin(input)
    case 'send':
      return transactions.send(input)
    case 'ack':
      return transactions.acknowledge(input)
    case 'prepare':
      return transactions.prepare(input)
    case 'commit':
      return isWhole(input) ? transactions.transact(input) : transactions.commit(input)
    case 'abort':
      return transactions.abort(input)
    default:
      return verb satisfies never
  }
}

/** Answers a request over NATS: what the HTTP API would answer. */
export async function answer(
  transactions: Transactions | undefined,
  verb: string,
  body: string,
): Promise<Transaction | { error: { code: string; field?: string; message: string } }> {
  try {
    const known = VERBS.find((one) => one === verb)
    if (known === undefined) {
      throw new SidecarError(
        'InvalidParameter',
        `pillion.tx.${verb} is not known; there are ${VERBS.map((one) => `pillion.tx.${one}`).join(', ')}`,
      )
    }
    if (transactions === undefined) {
      throw new SidecarError('BrokerNotReady', 'the sidecar is not ready yet; try again in a moment')
    }
    return await ask(transactions, known, parseJson(body))
  } catch (error) {
    const failure = apiFailure(error)
    if (!(failure instanceof SidecarError)) return { error: { code: 'Internal', message: failure.message } }
    return { error: failure.refusal }
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text === '' ? '{}' : text)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new SidecarError('InvalidJson', `the request is not JSON: ${why}`)
  }
}
