import { describe, expect, it } from 'vitest'
import { brokerOf, settings } from '../../test/operator/harness/desired.ts'
import { sidecarContainer } from './sidecar-container.ts'

describe('the container of the sidecar', () => {
  const container = sidecarContainer(brokerOf(), settings)

  it('reaches nats-server inside the pod, with what stands in its Secret', () => {
    const env = new Map(container.env?.map(({ name, value, valueFrom }) => [name, value ?? valueFrom?.secretKeyRef]))
    expect(env.get('PILLION_NATS_URL')).toBe('nats://127.0.0.1:4222')
    expect(env.get('PILLION_NATS_USER')).toEqual({ name: 'main-sidecar', key: 'username' })
    expect(env.get('PILLION_NATS_PASSWORD')).toEqual({ name: 'main-sidecar', key: 'password' })
    expect(env.get('PILLION_TOKEN')).toEqual({ name: 'main-sidecar', key: 'token' })
    expect(env.get('PILLION_HTTP_PORT')).toBe('8080')
  })

  it('starts without nats-server, which starts after it, and is ready with it', () => {
    expect(container.restartPolicy).toBe('Always')
    expect(container.startupProbe?.httpGet?.path).toBe('/healthz')
    expect(container.livenessProbe?.httpGet?.path).toBe('/healthz')
    expect(container.readinessProbe?.httpGet?.path).toBe('/readyz')
  })
})
