import type { ConfigMap, StatefulSet } from '../kube/resources.ts'
import { type Broker, type BrokerSettings, brokerMeta } from './broker.ts'
import { CONFIG_FILE } from './config-map.ts'
import { INPUTS_HASH, secretHashOf } from './hash.ts'
import { brokerLabels, podSelector } from './labels.ts'
import { configMapName, DATA_VOLUME, podsServiceName, serviceAccountName, statefulSetName } from './names.ts'
import { CONFIG_VOLUME, natsContainer } from './nats-container.ts'
import { plain } from './plain.ts'
import type { Credentials } from './secrets.ts'
import { sidecarContainer } from './sidecar-container.ts'

/** User and group of both images. */
const USER = 65532
/** nats-server closes its files, then the sidecar ends; both take far less. Seconds. */
const GRACE_SECONDS = 60

/** What a broker pod reads at its start beside its own spec. */
export type PodInputs = { readonly config: ConfigMap; readonly credentials: Credentials }

type ClaimTemplates = NonNullable<NonNullable<StatefulSet['spec']>['volumeClaimTemplates']>

/**
 * The broker pods. They restart only when what they run changes: their template, or the configuration and passwords that they read.
 *
 * There is one pod, so there is no lame duck mode: it would only keep clients waiting for the new pod by its 30 s and more.
 */
export function statefulSet(broker: Broker, settings: BrokerSettings, inputs: PodInputs): StatefulSet {
  const { labels, annotations, ...placement } = broker.spec.podTemplate
  const { credentials, config } = inputs
  const secret = `${credentials.sidecarPassword}${credentials.token}`
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: brokerMeta(broker, statefulSetName(broker.name)),
    spec: {
      replicas: broker.spec.replicas,
      serviceName: podsServiceName(broker.name),
      selector: { matchLabels: podSelector(broker.name) },
      // With OrderedReady, a pod that never got ready would keep a corrected template from being rolled out.
      podManagementPolicy: 'Parallel',
      updateStrategy: { type: 'RollingUpdate' },
      persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
      volumeClaimTemplates: claimTemplates(broker),
      template: {
        metadata: {
          labels: { ...labels, ...brokerLabels(broker.name) },
          annotations: {
            ...annotations,
            [INPUTS_HASH]: secretHashOf(secret, [config.data?.[CONFIG_FILE], credentials]),
          },
        },
        spec: {
          ...plain(placement),
          serviceAccountName: serviceAccountName(broker.name),
          automountServiceAccountToken: false,
          // Docker-style variables for every Service of the namespace are nothing that a broker reads.
          enableServiceLinks: false,
          terminationGracePeriodSeconds: GRACE_SECONDS,
          securityContext: {
            runAsNonRoot: true,
            runAsUser: USER,
            runAsGroup: USER,
            fsGroup: USER,
            fsGroupChangePolicy: 'OnRootMismatch',
            seccompProfile: { type: 'RuntimeDefault' },
          },
          initContainers: [sidecarContainer(broker, settings)],
          containers: [natsContainer(broker, settings)],
          volumes: [{ name: CONFIG_VOLUME, configMap: { name: configMapName(broker.name) } }],
        },
      },
    },
  }
}

/** Claim templates cannot be changed, so a StatefulSet keeps its own; a volume grows by its claim. */
export function withClaimTemplatesOf(wanted: StatefulSet, existing: StatefulSet): StatefulSet {
  const volumeClaimTemplates = existing.spec?.volumeClaimTemplates
  if (wanted.spec === undefined || volumeClaimTemplates === undefined) return wanted
  return { ...wanted, spec: { ...wanted.spec, volumeClaimTemplates } }
}

function claimTemplates(broker: Broker): ClaimTemplates {
  const { size, storageClassName } = broker.spec.storage
  return [
    {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: DATA_VOLUME, labels: brokerLabels(broker.name) },
      spec: {
        accessModes: ['ReadWriteOnce'],
        resources: { requests: { storage: size } },
        ...(storageClassName === undefined ? {} : { storageClassName }),
      },
    },
  ]
}
