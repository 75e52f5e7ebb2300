import { Hono } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { API_ERROR_CODES, type ApiErrorCode } from '../../crds/protocol/api.ts'
import type { Transaction } from '../../crds/protocol/transaction.ts'
import type { Broker } from '../broker/broker.ts'
import { SidecarError } from '../sidecar-error.ts'
import { VERBS } from '../transactions/requests.ts'

/** `/transactions` of the HTTP API. */
export function transactionRoutes(
  broker: Broker,
  parseJson: (text: string) => unknown,
  status: Readonly<Record<ApiErrorCode, ContentfulStatusCode>>,
): Hono {
  const app = new Hono()
  // One that was refused is told with what it was refused for.
  const statusOf = ({ error }: Transaction): ContentfulStatusCode => {
    const code = API_ERROR_CODES.find((known) => known === error?.code)
    return code === undefined ? 200 : status[code]
  }
  app.get('/', (c) => c.json({ transactions: broker.transactions() }))
  app.get('/:id', async (c) => c.json(await broker.transaction(c.req.param('id'))))
  app.post('/', async (c) => {
    const transaction = await broker.askTransaction('commit', whole(parseJson(await c.req.text())))
    return c.json(transaction, statusOf(transaction))
  })
  app.post('/:id/:verb', async (c) => {
    const { id, verb } = c.req.param()
    const known = VERBS.find((one) => one === verb)
    if (known === undefined) {
      throw new SidecarError('InvalidParameter', `"${verb}" is none of ${VERBS.join(', ')}`, { field: 'verb' })
    }
    const body = await c.req.text()
    const input = body === '' ? {} : parseJson(body)
    const named = typeof input === 'object' && input !== null ? { ...input, id } : input
    const transaction = await broker.askTransaction(known, named)
    return c.json(transaction, statusOf(transaction))
  })
  return app
}

/** So that a body without either is told what is missing. */
const whole = (input: unknown): unknown =>
  typeof input === 'object' && input !== null ? { sends: [], acks: [], ...input } : input
