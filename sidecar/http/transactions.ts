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
  const named = (body: string, id: string): unknown => {
    const input = body === '' ? {} : parseJson(body)
    return typeof input === 'object' && input !== null ? { ...input, id } : input
  }
  app.get('/', (c) => c.json({ transactions: broker.transactions() }))
  app.get('/:id', async (c) => c.json(await broker.transaction(c.req.param('id'), c.req.query('coordinator'))))
  app.post('/', async (c) => {
    const transaction = await broker.askTransaction('commit', whole(parseJson(await c.req.text())))
    return c.json(transaction, statusOf(transaction))
  })
  // Not asked for over NATS: whoever may use the broker may not decide for others.
  app.post('/:id/resolve', async (c) =>
    c.json(await broker.resolveTransaction(named(await c.req.text(), c.req.param('id')))),
  )
  app.post('/:id/:verb', async (c) => {
    const { id, verb } = c.req.param()
    const known = VERBS.find((one) => one === verb)
    if (known === undefined) {
      throw new SidecarError('InvalidParameter', `"${verb}" is none of ${VERBS.join(', ')}`, { field: 'verb' })
    }
    const transaction = await broker.askTransaction(known, named(await c.req.text(), id))
    return c.json(transaction, statusOf(transaction))
  })
  return app
}

/** So that a body without either is told what is missing. */
const whole = (input: unknown): unknown =>
  typeof input === 'object' && input !== null ? { sends: [], acks: [], ...input } : input
