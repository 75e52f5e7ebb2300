import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { differences } from './difference.ts'

describe('differences', () => {
  it('does not mind what the API server and others put in', () => {
    const wanted = { spec: { replicas: 1, template: { spec: { containers: [{ name: 'nats', image: 'a' }] } } } }
    const observed = {
      spec: {
        replicas: 1,
        revisionHistoryLimit: 10,
        template: {
          metadata: { labels: { injected: 'yes' } },
          spec: {
            dnsPolicy: 'ClusterFirst',
            containers: [{ name: 'proxy' }, { name: 'nats', image: 'a', imagePullPolicy: 'IfNotPresent' }],
          },
        },
      },
      status: { replicas: 1 },
    }
    expect(differences(wanted, observed)).toEqual([])
  })

  it('names what was changed', () => {
    const wanted = { spec: { replicas: 1, containers: [{ name: 'nats', image: 'a', args: ['-c', 'x'] }] } }
    const observed = { spec: { replicas: 2, containers: [{ name: 'nats', image: 'b', args: ['-c'] }] } }
    expect(differences(wanted, observed)).toEqual([
      'spec.replicas',
      'spec.containers[nats].image',
      'spec.containers[nats].args',
    ])
  })

  it('names what is missing', () => {
    expect(differences({ data: { a: '1', b: '2' } }, { data: { a: '1' } })).toEqual(['data.b'])
    expect(differences({ env: [{ name: 'A', value: 'x' }] }, { env: [] })).toEqual(['env[A]'])
  })

  it('knows amounts written in another way', () => {
    const wanted = { resources: { limits: { cpu: '0.5', memory: '1024Mi' } } }
    expect(differences(wanted, { resources: { limits: { cpu: '500m', memory: '1Gi' } } })).toEqual([])
    expect(differences(wanted, { resources: { limits: { cpu: '500m', memory: '2Gi' } } })).toEqual([
      'resources.limits.memory',
    ])
  })

  it('takes an empty text for a missing one', () => {
    expect(differences({ env: [{ name: 'A', value: '' }] }, { env: [{ name: 'A' }] })).toEqual([])
    expect(differences({ resources: {} }, {})).toEqual([])
  })

  it('sees one label more in a selector, which selects something else', () => {
    expect(differences({ spec: { selector: { a: '1' } } }, { spec: { selector: { a: '1', b: '2' } } })).toEqual([
      'spec.selector.b',
    ])
  })

  it('sees an empty selector narrowed, widened or removed in a list that is ours as a whole', () => {
    const wanted = { ingress: [{ from: [{ namespaceSelector: {} }] }] }
    expect(differences(wanted, wanted)).toEqual([])
    expect(differences(wanted, { ingress: [{ from: [{ namespaceSelector: { matchLabels: { a: 'b' } } }] }] })).toEqual([
      'ingress[0].from[0].namespaceSelector.matchLabels',
    ])
    expect(differences(wanted, { ingress: [{ from: [{ podSelector: {} }] }] })).toEqual([
      'ingress[0].from[0].namespaceSelector',
    ])
    expect(differences(wanted, { ingress: [{}] })).toEqual(['ingress[0].from'])
    expect(differences(wanted, { ingress: [...wanted.ingress, {}] })).toEqual(['ingress'])
  })

  it('finds none between a value and itself, and some when a leaf changes', () => {
    const leaf = fc.oneof(fc.string({ minLength: 1 }), fc.integer(), fc.boolean())
    const { object } = fc.letrec((tie) => ({
      object: fc.dictionary(fc.constantFrom('a', 'b', 'spec', 'limits', 'env'), tie('value'), { maxKeys: 4 }),
      value: fc.oneof({ maxDepth: 4 }, leaf, tie('object'), fc.array(leaf, { minLength: 1, maxLength: 3 })),
    }))
    fc.assert(
      fc.property(object, fc.string(), (value, key) => {
        expect(differences(value, structuredClone(value))).toEqual([])
        const name = `own-${key}`
        expect(differences({ [name]: value, leaf: 1 }, { [name]: value, leaf: 2 })).toEqual(['leaf'])
      }),
    )
  })
})
