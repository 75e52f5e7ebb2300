import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import type { Logger } from 'pino'
import { Broker } from './broker/broker.ts'
import { httpApp } from './http/app.ts'
import { Metrics } from './metrics/metrics.ts'

export interface SidecarOptions {
  readonly natsUrl: string
  readonly natsUser: string
  readonly natsPassword: string
  readonly httpHost: string
  /** 0: a free one. */
  readonly httpPort: number
  /** Undefined: HTTP asks for no token. */
  readonly token: string | undefined
  /** Whether an operator tells it of the other brokers of its namespace. */
  readonly hasOperator: boolean
  /** What JetStream may store, where that is known; for the metrics. */
  readonly storeLimitBytes?: number | undefined
}

export interface Sidecar {
  readonly broker: Broker
  readonly httpPort: number
  /** Resolves when clients are answered. */
  readonly started: Promise<void>
  stop(): Promise<void>
}

/**
 * Longer than clients leave between two requests: a connection that is closed as a request is on its way fails that request. Node's
 * own is 5 s. Milliseconds.
 */
const KEEP_ALIVE_MS = 75_000

/** Listens on HTTP at once, so that probes are answered, and connects to nats-server as soon as it can. */
export async function startSidecar(options: SidecarOptions, logger: Logger): Promise<Sidecar> {
  const metrics = new Metrics(process.env.PILLION_VERSION ?? 'dev')
  if (options.storeLimitBytes !== undefined) metrics.storeLimitBytes.set(options.storeLimitBytes)
  const broker = new Broker(
    {
      url: options.natsUrl,
      user: options.natsUser,
      password: options.natsPassword,
      hasOperator: options.hasOperator,
    },
    logger,
    metrics,
  )
  const app = httpApp(broker, metrics, logger, options.token)
  const { server, port } = await new Promise<{ server: ReturnType<typeof serve>; port: number }>((resolve, reject) => {
    const server = serve(
      {
        fetch: app.fetch,
        hostname: options.httpHost,
        port: options.httpPort,
        serverOptions: { keepAliveTimeout: KEEP_ALIVE_MS },
      },
      (info: AddressInfo) => resolve({ server, port: info.port }),
    )
    server.once('error', reject)
  })
  const started = broker.start()
  return {
    broker,
    httpPort: port,
    started,
    stop: async () => {
      await broker.stop()
      await new Promise<void>((resolve) => {
        server.close(() => resolve())
        if ('closeAllConnections' in server) server.closeAllConnections()
      })
    },
  }
}
