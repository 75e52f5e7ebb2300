import { describe, expect, it } from 'vitest'
import { brokerOf, settings } from '../../test/operator/harness/desired.ts'
import { networkPolicy } from './network-policy.ts'

describe('the NetworkPolicy', () => {
  const ruleFor = (port: number, throughApiServer = false) =>
    networkPolicy(brokerOf(), { ...settings, throughApiServer }).spec?.ingress?.find((rule) =>
      rule.ports?.some((one) => one.port === port),
    )

  it('lets every pod of the cluster to nats-server', () => {
    expect(ruleFor(4222)?.from).toEqual([{ namespaceSelector: {} }])
  })

  it('lets the operator, other brokers and Prometheus to the sidecar, and namespaces that say so', () => {
    expect(ruleFor(8080)?.from).toEqual([
      { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'pillion-system' } } },
      { podSelector: { matchExpressions: [{ key: 'pillion.dev/broker', operator: 'Exists' }] } },
      { namespaceSelector: {}, podSelector: { matchLabels: { 'app.kubernetes.io/name': 'prometheus' } } },
      { namespaceSelector: { matchLabels: { 'pillion.dev/metrics-reader': 'true' } } },
    ])
  })

  it('lets everybody to the sidecar where the operator comes by way of the API server', () => {
    expect(ruleFor(8080, true)).not.toHaveProperty('from')
  })

  it('lets nobody to the monitoring port, and says nothing of what goes out', () => {
    expect(ruleFor(8222)).toBeUndefined()
    const { spec } = networkPolicy(brokerOf(), settings)
    expect(spec?.policyTypes).toEqual(['Ingress'])
    expect(spec?.podSelector).toEqual({ matchLabels: { 'pillion.dev/broker': 'main' } })
  })
})
