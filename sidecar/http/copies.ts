import { Hono } from 'hono'
import { copyBatchSchema, copyPathSchema } from '../../crds/protocol/copies.ts'
import type { Broker } from '../broker/broker.ts'
import { SidecarError } from '../sidecar-error.ts'

/** `/copies` of the HTTP API, which sidecars of other brokers ask; see crds/protocol/copies.ts. */
export function copyRoutes(broker: Broker, parseJson: (text: string) => unknown): Hono {
  const app = new Hono()
  app.put('/:queue/:id/:batch', async (c) => {
    const { id, batch } = parsePath(c.req.param())
    const body = parseBatch(parseJson(await c.req.text()))
    return c.json({ results: await broker.copy(c.req.param('queue'), id, batch, body) })
  })
  app.delete('/:queue/:id/:batch', async (c) => {
    const { id, batch } = parsePath(c.req.param())
    return c.json({ copied: await broker.findCopies(c.req.param('queue'), id, batch) })
  })
  app.delete('/:queue/:id', async (c) => {
    const { id } = parsePath({ id: c.req.param('id'), batch: '1' })
    await broker.forgetCopies(c.req.param('queue'), id)
    return c.json({ forgotten: true })
  })
  return app
}

const parsePath = parser(copyPathSchema)
const parseBatch = parser(copyBatchSchema)

function parser<T>(schema: {
  safeParse(
    input: unknown,
  ):
    | { success: true; data: T }
    | { success: false; error: { issues: ReadonlyArray<{ path: PropertyKey[]; message: string }> } }
}): (input: unknown) => T {
  return (input) => {
    const parsed = schema.safeParse(input)
    if (parsed.success) return parsed.data
    const [issue] = parsed.error.issues
    const field = issue?.path.map(String).join('.') || 'body'
    throw new SidecarError('InvalidParameter', `${field}: ${issue?.message}`, { field })
  }
}
