import { describe, expect, it } from 'vitest'
import { brokerOf, credentials, settings } from '../../test/operator/harness/desired.ts'
import { configMap } from './config-map.ts'
import { INPUTS_HASH } from './hash.ts'
import { statefulSet, withClaimTemplatesOf } from './stateful-set.ts'

const inputs = { config: configMap(brokerOf(), 10 * 2 ** 30), credentials }
const made = (input: object = {}) => statefulSet(brokerOf(input), settings, inputs)
const templateOf = (input: object = {}) => made(input).spec?.template
const hashOf = (more: Partial<typeof inputs>) =>
  statefulSet(brokerOf(), settings, { ...inputs, ...more }).spec?.template.metadata?.annotations?.[INPUTS_HASH]

describe('the StatefulSet', () => {
  it('goes with its QueueBroker and keeps volumes whatever happens to it', () => {
    const { metadata, spec } = made()
    expect(metadata).toMatchObject({ name: 'main', namespace: 'shop', ownerReferences: [{ uid: 'uid-of-main' }] })
    expect(spec).toMatchObject({
      replicas: 1,
      serviceName: 'main-pods',
      persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
      selector: { matchLabels: { 'pillion.dev/broker': 'main' } },
    })
    expect(spec?.template.metadata?.labels).toMatchObject({
      'app.kubernetes.io/name': 'pillion-broker',
      'app.kubernetes.io/instance': 'main',
      'app.kubernetes.io/managed-by': 'pillion',
      'pillion.dev/broker': 'main',
    })
  })

  it('asks for a volume of the declared size and class', () => {
    const claims = made({ storage: { size: '5Gi', storageClassName: 'fast' } }).spec?.volumeClaimTemplates
    expect(claims).toMatchObject([
      {
        metadata: { name: 'data', labels: { 'app.kubernetes.io/managed-by': 'pillion', 'pillion.dev/broker': 'main' } },
        spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '5Gi' } }, storageClassName: 'fast' },
      },
    ])
    expect(made().spec?.volumeClaimTemplates?.[0]?.spec).not.toHaveProperty('storageClassName')
  })

  it('keeps the claim templates that it has, since they cannot be changed', () => {
    const existing = made({ storage: { size: '5Gi' } })
    const grown = withClaimTemplatesOf(made({ storage: { size: '9Gi' } }), existing)
    expect(grown.spec?.volumeClaimTemplates).toEqual(existing.spec?.volumeClaimTemplates)
  })

  it('runs without any right: no root, no token, nothing to write but the volume', () => {
    const pod = templateOf()?.spec
    expect(pod).toMatchObject({
      automountServiceAccountToken: false,
      serviceAccountName: 'main-broker',
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 65532,
        fsGroup: 65532,
        seccompProfile: { type: 'RuntimeDefault' },
      },
    })
    for (const container of [...(pod?.containers ?? []), ...(pod?.initContainers ?? [])]) {
      expect(container.securityContext).toMatchObject({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      })
    }
  })

  it('puts in what the podTemplate says, and does not let it take over labels of ours', () => {
    const template = templateOf({
      podTemplate: {
        labels: { team: 'a' },
        annotations: { note: 'b' },
        nodeSelector: { disk: 'ssd' },
        tolerations: [{ key: 'dedicated', operator: 'Exists' }],
        priorityClassName: 'high',
      },
    })
    expect(template?.metadata?.labels).toMatchObject({ team: 'a', 'pillion.dev/broker': 'main' })
    expect(template?.metadata?.annotations).toMatchObject({ note: 'b' })
    expect(template?.spec).toMatchObject({
      nodeSelector: { disk: 'ssd' },
      tolerations: [{ key: 'dedicated', operator: 'Exists' }],
      priorityClassName: 'high',
    })
  })

  it('has pods restart when what they read changes, and only then', () => {
    expect(hashOf({})).toBe(hashOf({}))
    const interval = configMap(brokerOf({ durability: 'Interval' }), 10 * 2 ** 30)
    expect(hashOf({ config: interval })).not.toBe(hashOf({}))
    for (const changed of ['clientPassword', 'sidecarPassword', 'token'] as const) {
      expect(hashOf({ credentials: { ...credentials, [changed]: 'other' } })).not.toBe(hashOf({}))
    }
    // What surrounds the configuration is not read by the pod.
    expect(hashOf({ config: { ...inputs.config, metadata: { name: 'x', labels: { new: 'label' } } } })).toBe(hashOf({}))
  })

  it('has the images of its settings, each on its own', () => {
    const template = statefulSet(brokerOf(), { ...settings, imagePullPolicy: 'Never' }, inputs).spec?.template.spec
    expect(template?.containers).toMatchObject([{ name: 'nats', image: 'nats:1', imagePullPolicy: 'Never' }])
    expect(template?.initContainers).toMatchObject([{ name: 'sidecar', image: 'sidecar:1', restartPolicy: 'Always' }])
  })

  it('gives quantities as text, whole numbers too', () => {
    const template = templateOf({ resources: { requests: { cpu: 1 }, limits: { memory: '1Gi' } } })
    expect(template?.spec?.containers[0]?.resources).toEqual({ requests: { cpu: '1' }, limits: { memory: '1Gi' } })
  })

  it('has passwords from Secrets alone', () => {
    const text = JSON.stringify(
      statefulSet(brokerOf(), settings, {
        ...inputs,
        credentials: { clientPassword: 'hush-1', sidecarPassword: 'hush-2', token: 'hush-3' },
      }),
    )
    expect(text).not.toContain('hush')
  })
})
