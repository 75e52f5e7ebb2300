import { Hono } from 'hono'
import type { Broker } from '../broker/broker.ts'

/** `/participations` of the HTTP API, which sidecars of other brokers ask; see crds/protocol/participations.ts. */
export function participationRoutes(broker: Broker, parseJson: (text: string) => unknown): Hono {
  const app = new Hono()
  for (const asked of ['prepare', 'commit', 'abort', 'ask'] as const) {
    app.post(`/:coordinator/:id/${asked}`, async (c) =>
      c.json(await broker.participate(asked, c.req.param(), parseJson(await c.req.text()))),
    )
  }
  return app
}
