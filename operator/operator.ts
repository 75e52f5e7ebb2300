import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { Logger } from 'pino'
import type { Clock } from './clock.ts'
import type { OperatorConfig } from './config.ts'
import { Controller } from './controller.ts'
import { httpApp, listen } from './http.ts'
import { KubeClient } from './kube/client.ts'
import { errorCode, isNotFound } from './kube/errors.ts'
import { EventRecorder } from './kube/events.ts'
import { Election, type ElectionOptions } from './kube/lease.ts'
import type { Transport } from './kube/transport.ts'
import { type OperatorMetrics, operatorMetrics } from './metrics.ts'
import { type Sidecars, sidecars, throughApiServer, throughService } from './sidecar-client.ts'
import { countReady } from './status/count-ready.ts'

export type OperatorParts = {
  readonly config: OperatorConfig
  readonly transport: Transport
  readonly clock: Clock
  readonly log: Logger
  /** Times of the election, where they are not to be the usual ones. */
  readonly election?: Pick<ElectionOptions, 'leaseMs' | 'renewDeadlineMs' | 'retryMs'>
  /** Instead of the way that the configuration names. */
  readonly sidecars?: (signal: AbortSignal) => Sidecars
}

export type RunningOperator = {
  /** Where /healthz, /readyz and /metrics are. */
  readonly port: number
  readonly metrics: OperatorMetrics
  /** Rejects when something unforeseen ends it. */
  readonly ended: Promise<void>
  isLeading(): boolean
  /** Ends what is under way, gives the lease back and closes the port. */
  stop(): Promise<void>
}

const LEASE = 'pillion-operator'

/** Starts an operator: it answers on its port at once, and reconciles when it is elected. */
export async function startOperator(parts: OperatorParts): Promise<RunningOperator> {
  const { config, transport, clock, log } = parts
  const identity = `${hostname()}_${randomUUID()}`
  const stopping = new AbortController()
  let controller: Controller | undefined
  let contacted = false
  const metrics = operatorMetrics({
    depth: (kind) => controller?.depth(kind) ?? 0,
    objects: (kind) => countReady(kind, controller?.caches),
  })
  const client = new KubeClient({
    transport,
    // Not being there is an answer, and what we broke off ourselves is no error.
    onError: (error) => {
      if (!isNotFound(error) && !stopping.signal.aborted) metrics.apiError(errorCode(error))
    },
  })
  const election = new Election({
    client,
    clock,
    identity,
    lease: { namespace: config.namespace, name: LEASE },
    onError: (error) => log.warn({ err: error }, 'the lease could not be read or written'),
    onContact: () => {
      contacted = true
    },
    ...parts.election,
  })
  const isReady = (): boolean => contacted && (controller === undefined || controller.synced)
  const server = await listen(httpApp(metrics.registry, isReady), config.httpHost, config.httpPort)

  const ended = election.run(stopping.signal, async ({ signal, assertHeld }) => {
    log.info({ identity }, 'leading')
    const leading = client.with({ signal, beforeWrite: assertHeld })
    const recorder = new EventRecorder({
      client: leading,
      clock,
      instance: identity,
      onFailure: (error, { reason }) => log.debug({ err: error, reason }, 'an event could not be written'),
    })
    const way = config.reach === 'Service' ? throughService(signal) : throughApiServer(leading)
    controller = new Controller({
      config,
      client: leading,
      sidecars: parts.sidecars?.(signal) ?? sidecars(way),
      emit: recorder.emit,
      metrics,
      clock,
      log,
    })
    metrics.leading(true)
    try {
      await controller.run(signal)
      await recorder.flush()
    } finally {
      metrics.leading(false)
      controller = undefined
      log.info('no longer leading')
    }
  })
  return {
    port: server.port,
    metrics,
    ended,
    isLeading: () => controller !== undefined,
    stop: async () => {
      stopping.abort()
      await ended
      await server.close()
    },
  }
}
