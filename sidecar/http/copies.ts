import { Hono } from 'hono'
import { copyBatchSchema, copyPathSchema } from '../../crds/protocol/copies.ts'
import type { Broker } from '../broker/broker.ts'
import { parseRequest } from '../wire/parse-request.ts'

/** `/copies` of the HTTP API, which sidecars of other brokers ask; see crds/protocol/copies.ts. */
export function copyRoutes(broker: Broker, parseJson: (text: string) => unknown): Hono {
  const app = new Hono()
  app.put('/:queue/:id/:batch', async (c) => {
    const { id, batch } = parseRequest(copyPathSchema, c.req.param())
    const body = parseRequest(copyBatchSchema, parseJson(await c.req.text()))
    return c.json({ results: await broker.copy(c.req.param('queue'), id, batch, body) })
  })
  app.delete('/:queue/:id/:batch', async (c) => {
    const { id, batch } = parseRequest(copyPathSchema, c.req.param())
    return c.json({ copied: await broker.findCopies(c.req.param('queue'), id, batch) })
  })
  app.delete('/:queue/:id', async (c) => {
    const { id } = parseRequest(copyPathSchema.pick({ id: true }), c.req.param())
    await broker.forgetCopies(c.req.param('queue'), id)
    return c.json({ forgotten: true })
  })
  return app
}
