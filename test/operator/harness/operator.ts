import { pino } from 'pino'
import { systemClock } from '../../../operator/clock.ts'
import { type OperatorConfig, readConfig } from '../../../operator/config.ts'
import type { Transport } from '../../../operator/kube/transport.ts'
import { type RunningOperator, startOperator } from '../../../operator/operator.ts'
import type { FakeSidecars } from './fake-sidecar.ts'

/** Short, so that a test of a hand-over need not wait for the usual 15 s. Milliseconds. */
const election = { leaseMs: 3000, renewDeadlineMs: 2000, retryMs: 300 }

export type TestOperatorOptions = {
  readonly transport: Transport
  readonly sidecars: FakeSidecars
  /** Where its Lease is, and what it watches. */
  readonly namespace: string
  readonly config?: Partial<OperatorConfig>
}

/** The operator as main.ts starts it, in this process. Set PILLION_TEST_LOG=debug to read its log. */
export function runOperator(options: TestOperatorOptions): Promise<RunningOperator> {
  const config = readConfig({
    PILLION_SIDECAR_IMAGE: 'sidecar:test',
    PILLION_NATS_IMAGE: 'nats:test',
    PILLION_NAMESPACE: options.namespace,
    PILLION_WATCH_NAMESPACES: options.namespace,
    PILLION_RESYNC: '2s',
    PILLION_HTTP_HOST: '127.0.0.1',
    PILLION_HTTP_PORT: '0',
  })
  return startOperator({
    config: { ...config, ...options.config },
    transport: options.transport,
    clock: systemClock,
    log: pino({ level: process.env['PILLION_TEST_LOG'] ?? 'silent' }),
    election,
    sidecars: () => options.sidecars.clients(),
  })
}
