import { describe, expect, it } from 'vitest'
import { brokerOf, settings } from '../../test/operator/harness/desired.ts'
import { natsContainer } from './nats-container.ts'

describe('the container of nats-server', () => {
  const container = natsContainer(brokerOf(), settings)

  it('reads its configuration from the ConfigMap and its passwords from the Secrets', () => {
    expect(container.command).toEqual(['nats-server'])
    expect(container.args).toEqual(['-c', '/etc/nats/nats.conf'])
    expect(container.env).toEqual([
      { name: 'PILLION_CLIENT_PASSWORD', valueFrom: { secretKeyRef: { name: 'main-client', key: 'password' } } },
      { name: 'PILLION_SIDECAR_PASSWORD', valueFrom: { secretKeyRef: { name: 'main-sidecar', key: 'password' } } },
    ])
    expect(container.volumeMounts).toContainEqual({ name: 'data', mountPath: '/data' })
  })

  it('has half an hour to read a big store before it is taken for dead', () => {
    const { startupProbe, livenessProbe } = container
    expect((startupProbe?.failureThreshold ?? 0) * (startupProbe?.periodSeconds ?? 0)).toBe(1800)
    for (const probe of [startupProbe, livenessProbe]) {
      expect(probe?.httpGet).toMatchObject({ path: '/healthz?js-server-only=true', port: 'monitor' })
    }
  })
})
