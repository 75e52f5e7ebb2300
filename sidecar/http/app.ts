import { Hono, type MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { Logger } from 'pino'
import {
  type ApiError,
  type ApiErrorCode,
  DELETE_POLICIES,
  type DeletePolicy,
  putQueueSchema,
} from '../../crds/protocol/api.ts'
import { SOURCES } from '../../crds/protocol/browse.ts'
import { MAX_COPIES_BODY_BYTES } from '../../crds/protocol/copies.ts'
import { peerToken } from '../../crds/protocol/peers.ts'
import { MAX_TRANSACTION_BYTES } from '../../crds/protocol/transaction.ts'
import type { Broker } from '../broker/broker.ts'
import type { Metrics } from '../metrics/metrics.ts'
import { parseBrowse } from '../browse/parameters.ts'
import { SidecarError } from '../sidecar-error.ts'
import { requireToken } from './authorization.ts'
import { copyRoutes } from './copies.ts'
import { participationRoutes } from './participations.ts'
import { transactionRoutes } from './transactions.ts'

const STATUS: Readonly<Record<ApiErrorCode, ContentfulStatusCode>> = {
  InvalidSpec: 400,
  InvalidName: 400,
  InvalidJson: 400,
  InvalidParameter: 400,
  Unauthorized: 401,
  QueueNotFound: 404,
  DelayedNotFound: 404,
  QueueNotEmpty: 409,
  QueueNotPaused: 409,
  OperationNotFound: 404,
  OperationRunning: 409,
  BatchClosed: 409,
  TransactionNotFound: 404,
  TransactionIdTaken: 409,
  TransactionNotYours: 403,
  TransactionEnded: 409,
  TransactionNotInDoubt: 409,
  TransactionTooLarge: 413,
  TooManyTransactions: 503,
  MessageTooLarge: 413,
  AckRefused: 409,
  QueueFull: 409,
  ImmutableFieldChanged: 409,
  BodyTooLarge: 413,
  Internal: 500,
  NotImplemented: 501,
  BrokerNotReady: 503,
}

/** A Queue spec is a few KiB. */
const MAX_BODY_BYTES = 256 * 1024
/** As base64, in JSON, what a transaction may have takes less. */
const MAX_TRANSACTION_BODY_BYTES = 2 * MAX_TRANSACTION_BYTES

/** Thousands of Queues, by name. */
const MAX_PEERS_BODY_BYTES = 4 * 1024 * 1024

/** The HTTP API; `token` undefined: nobody is asked for one (embedded mode, loopback only). */
export function httpApp(broker: Broker, metrics: Metrics, logger: Logger, token: string | undefined): Hono {
  const app = new Hono()
  app.get('/healthz', (c) => c.text('ok\n'))
  app.get('/readyz', (c) => (broker.ready ? c.text('ready\n') : c.text('not connected to nats-server yet\n', 503)))
  app.get('/metrics', async (c) => {
    await broker
      .refreshMetrics()
      .catch((error: unknown) => logger.debug({ err: error }, 'no account info for the metrics'))
    return c.text(await metrics.registry.metrics(), 200, { 'content-type': metrics.registry.contentType })
  })

  const admin = requireToken(...(token === undefined ? [] : [token]))
  for (const [path, maxBytes] of [
    ['/queues', MAX_BODY_BYTES],
    ['/copies', MAX_COPIES_BODY_BYTES],
    ['/transactions', MAX_TRANSACTION_BODY_BYTES],
    ['/peers', MAX_PEERS_BODY_BYTES],
  ] as const) {
    for (const at of [path, `${path}/*`]) app.use(at, admin, limited(maxBytes))
  }
  const peer = requireToken(...(token === undefined ? [] : [token, peerToken(token)]))
  app.use('/participations/*', peer, limited(MAX_TRANSACTION_BODY_BYTES))
  app.route('/copies', copyRoutes(broker, parseJson))
  app.route('/transactions', transactionRoutes(broker, parseJson, STATUS))
  app.route('/participations', participationRoutes(broker, parseJson))
  app.get('/peers', (c) => c.json(broker.peers.known))
  app.put('/peers', async (c) => c.json(broker.peers.tell(parseJson(await c.req.text()))))
  app.get('/queues', async (c) => c.json({ queues: await broker.list() }))
  app.get('/queues/:name', async (c) => c.json(await broker.get(c.req.param('name'))))
  app.get('/queues/:name/spec', (c) => c.json(broker.declaration(c.req.param('name'))))
  app.get('/queues/:name/ledger', async (c) => c.json(await broker.ledger(c.req.param('name'))))
  for (const source of SOURCES) {
    app.get(`/queues/:name/${source}`, async (c) =>
      c.json(await broker.browse(c.req.param('name'), source, parseBrowse(new URL(c.req.url).searchParams))),
    )
  }
  app.post('/queues/:name/operations', async (c) =>
    c.json(await broker.operate(c.req.param('name'), parseJson(await c.req.text())), 201),
  )
  app.get('/queues/:name/operations', (c) => c.json({ operations: broker.operations(c.req.param('name')) }))
  app.get('/queues/:name/operations/:id', (c) => c.json(broker.operation(c.req.param('name'), c.req.param('id'))))
  app.delete('/queues/:name/operations/:id', async (c) =>
    c.json(await broker.cancelOperation(c.req.param('name'), c.req.param('id'))),
  )
  app.put('/queues/:name', async (c) => {
    const { generation, spec } = parseBody(await c.req.text())
    return c.json(await broker.put(c.req.param('name'), generation, spec))
  })
  app.delete('/queues/:name', async (c) => {
    await broker.delete(c.req.param('name'), parsePolicy(c.req.query('policy')))
    return c.json({ deleted: true })
  })

  app.delete('/queues/:name/delayed/:sequence', async (c) => {
    await broker.cancelDelayed(c.req.param('name'), parseSequence(c.req.param('sequence')))
    return c.json({ cancelled: true })
  })

  app.notFound((c) => c.json({ error: { code: 'QueueNotFound', message: `nothing is at ${c.req.path}` } }, 404))
  app.onError((error, c) => {
    if (!(error instanceof SidecarError)) {
      logger.error({ err: error, path: c.req.path }, 'a request failed')
      return c.json({ error: { code: 'Internal', message: error.message } } satisfies ApiError, 500)
    }
    const { code, message, field, messages } = error
    // The rest of the body is not read, so the connection cannot be used again.
    if (code === 'BodyTooLarge') c.header('connection', 'close')
    const body: ApiError = {
      error: {
        code,
        message,
        ...(field === undefined ? {} : { field }),
        ...(messages === undefined ? {} : { messages }),
      },
    }
    return c.json(body, STATUS[code])
  })
  return app
}

const limited = (maxSize: number): MiddlewareHandler =>
  bodyLimit({
    maxSize,
    onError: () => {
      throw new SidecarError('BodyTooLarge', `a body may have ${maxSize} bytes at most`)
    },
  })

function parseBody(text: string): { generation: number; spec: unknown } {
  const json = parseJson(text)
  const parsed = putQueueSchema.safeParse(json)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  const field = issue?.path.join('.') || 'body'
  throw new SidecarError('InvalidSpec', `${field}: ${issue?.message}; write {"generation": 1, "spec": {…}}`, { field })
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new SidecarError(
      'InvalidJson',
      `the body is not JSON: ${error instanceof Error ? error.message : String(error)}`,
    )
  }
}

function parseSequence(text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text)
  throw new SidecarError(
    'InvalidName',
    `"${text}" is no sequence; write the "seq" that the publish was answered with`,
    {
      field: 'sequence',
    },
  )
}

function parsePolicy(text: string | undefined): DeletePolicy {
  const policy = DELETE_POLICIES.find((known) => known === (text ?? 'KeepNonEmpty'))
  if (policy !== undefined) return policy
  throw new SidecarError('InvalidSpec', `policy is "${text}"; it has to be one of ${DELETE_POLICIES.join(', ')}`, {
    field: 'policy',
  })
}
