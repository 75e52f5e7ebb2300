import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import type { Registry } from 'prom-client'

/** /healthz (the process answers), /readyz (it does its part, leading or standing by) and /metrics. */
export function httpApp(registry: Registry, isReady: () => boolean): Hono {
  const app = new Hono()
  app.get('/healthz', (c) => c.text('ok\n'))
  app.get('/readyz', (c) => (isReady() ? c.text('ready\n') : c.text('the API server was not reached yet\n', 503)))
  app.get('/metrics', async (c) => c.text(await registry.metrics(), 200, { 'content-type': registry.contentType }))
  return app
}

export type Listening = { readonly port: number; close(): Promise<void> }

/** @throws Error when the port is taken */
export function listen(app: Hono, hostname: string, port: number): Promise<Listening> {
  return new Promise((resolve, reject) => {
    const server = serve({ fetch: app.fetch, hostname, port, overrideGlobalObjects: false }, (info) => {
      const close = (): Promise<void> =>
        new Promise((closed) => {
          server.close(() => closed())
          if ('closeAllConnections' in server) server.closeAllConnections()
        })
      resolve({ port: info.port, close })
    })
    server.once('error', reject)
  })
}
