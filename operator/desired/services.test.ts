import { describe, expect, it } from 'vitest'
import { brokerOf } from '../../test/operator/harness/desired.ts'
import { clientService } from './client-service.ts'
import { podsService } from './pods-service.ts'

describe('the Services', () => {
  const ports = [
    { name: 'nats', port: 4222, targetPort: 'nats', protocol: 'TCP' },
    { name: 'http', port: 8080, targetPort: 'http', protocol: 'TCP' },
  ]

  it('one for clients, which leads to ready pods', () => {
    const { metadata, spec } = clientService(brokerOf())
    expect(metadata.name).toBe('main')
    expect(spec).toEqual({ type: 'ClusterIP', selector: { 'pillion.dev/broker': 'main' }, ports })
  })

  it('one for the pods themselves, ready or not', () => {
    const { metadata, spec } = podsService(brokerOf())
    expect(metadata.name).toBe('main-pods')
    expect(spec).toMatchObject({ clusterIP: 'None', publishNotReadyAddresses: true, ports })
  })
})
