import { z } from 'zod'
import { affinitySchema } from '../crds/kubernetes/affinity.ts'
import { resourcesSchema } from '../crds/kubernetes/resources.ts'
import { tolerationSchema } from '../crds/kubernetes/scheduling.ts'
import { DURATION_MAX_LENGTH, DURATION_PATTERN } from '../crds/values/duration.ts'
import { SIZE_MAX_LENGTH, SIZE_PATTERN } from '../crds/values/quantity.ts'

/**
 * The chart's values: names, defaults, documentation and what is accepted. `values.yaml`, `values.schema.json` and the table in the
 * chart's README are made from it. Every value has a default, so that leaving one out is never an error and setting one to null is.
 */

const name = z
  .string()
  .max(63)
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/)
const optionalName = z
  .string()
  .max(253)
  .regex(/^([a-z0-9]([-.a-z0-9]*[a-z0-9])?)?$/)
// An image's name without its tag: `:` stands only before a registry's port.
const repository = z.string().regex(/^[a-z0-9._-]+(:[0-9]+\/[a-z0-9._-]+)?(\/[a-z0-9._-]+)*$/)
// A digest may follow the tag.
const tagPattern = '[A-Za-z0-9_][A-Za-z0-9_.-]*(@sha256:[0-9a-f]{64})?'
const tag = z.string().regex(new RegExp(`^${tagPattern}$`))
const tagOrEmpty = z.string().regex(new RegExp(`^(${tagPattern})?$`))
const duration = z.string().max(DURATION_MAX_LENGTH).regex(new RegExp(DURATION_PATTERN))
const size = z.string().max(SIZE_MAX_LENGTH).regex(new RegExp(SIZE_PATTERN))
// What both the Prometheus operator and Prometheus take.
const scrapeInterval = z.string().regex(/^[1-9][0-9]*(ms|s|m|h)$/)
const labelValue = z
  .string()
  .max(63)
  .regex(/^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/)
const labels = z.record(z.string(), labelValue)
const annotations = z.record(z.string(), z.string())

export const valuesSchema = z.strictObject({
  image: z
    .strictObject({
      repository: repository.default('pillion/operator').describe('Image of the operator, without its tag.'),
      tag: tagOrEmpty.default('').describe("Tag of the operator's image; empty: the chart's appVersion."),
      pullPolicy: z
        .enum(['Always', 'IfNotPresent', 'Never'])
        .default('IfNotPresent')
        .describe("When images are pulled: the operator's, and those of the broker pods."),
    })
    .describe('The operator.'),
  sidecarImage: z
    .strictObject({
      repository: repository.default('pillion/sidecar').describe('Image of the sidecar, without its tag.'),
      tag: tagOrEmpty
        .default('')
        .describe(
          "Tag of the sidecar's image; empty: the chart's appVersion. Broker pods restart when it changes: to upgrade the operator alone, set it to the tag that is in use.",
        ),
    })
    .describe('The sidecar in each broker pod, and the `helm test` pod.'),
  natsImage: z
    .strictObject({
      repository: repository.default('nats').describe('Image of nats-server, without its tag.'),
      tag: tag.default('2.15.2').describe('Tag of the nats-server image. Broker pods restart when it changes.'),
    })
    .describe('nats-server in each broker pod.'),
  imagePullSecrets: z
    .array(z.strictObject({ name: optionalName.min(1) }))
    .default([])
    .describe(
      'Secrets to pull the images of the operator and of the test pod with, such as `[{name: registry}]`. Broker pods run in the namespaces of their Queues and do not use them.',
    ),
  replicas: z
    .int()
    .min(1)
    .max(5)
    .default(1)
    .describe(
      'Operator pods. One leads by a Lease and the others stand by; with more than one there is a PodDisruptionBudget.',
    ),
  resync: duration
    .default('30s')
    .describe(
      'How often everything is compared with what is declared even if nothing changed, such as `30s` or `5m`. From 1s to 1h.',
    ),
  watchNamespaces: z
    .array(name)
    .meta({ uniqueItems: true })
    .default([])
    .describe(
      'Namespaces whose Queues are served; empty: all. With names given, the operator gets its rights in these namespaces only (they must exist).',
    ),
  logLevel: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal'])
    .default('info')
    .describe('Least level that the operator logs.'),
  resources: resourcesSchema
    .default({ requests: { cpu: '50m', memory: '128Mi' }, limits: { memory: '512Mi' } })
    .describe("Resources of the operator's container. Memory grows with the number of Queues."),
  podAnnotations: annotations.default({}).describe("Annotations of the operator's pods."),
  podLabels: labels.default({}).describe("Labels of the operator's pods, besides the chart's own."),
  nodeSelector: annotations.default({}).describe('Labels of the nodes that the operator may run on.'),
  tolerations: z.array(tolerationSchema).default([]).describe('Taints that the operator tolerates.'),
  affinity: affinitySchema
    .default({})
    .describe('Affinity of the operator; empty: replicas are spread over nodes where possible.'),
  priorityClassName: optionalName
    .default('')
    .describe("PriorityClass of the operator's pods; empty: the cluster's default."),
  rbac: z
    .strictObject({
      aggregate: z
        .boolean()
        .default(true)
        .describe(
          "Adds reading of Queues and QueueBrokers to the cluster's roles view, edit and admin, and writing to edit and admin.",
        ),
    })
    .describe('Rights of people.'),
  crds: z
    .strictObject({
      install: z
        .boolean()
        .default(true)
        .describe(
          'Installs and upgrades the custom resource definitions with the chart, and the policy that refuses to delete a Queue that holds messages.',
        ),
      keep: z
        .boolean()
        .default(true)
        .describe(
          'Leaves the custom resource definitions, and with them every Queue, in place when the release is uninstalled, and what refuses to delete a Queue that holds messages. With false, uninstalling deletes every Queue of the cluster.',
        ),
    })
    .describe('Custom resource definitions.'),
  podMonitor: z
    .strictObject({
      enabled: z
        .boolean()
        .default(true)
        .describe(
          'Makes PodMonitors for the operator and the brokers, where the cluster has that API (monitoring.coreos.com/v1).',
        ),
      interval: scrapeInterval.default('30s').describe('How often metrics are scraped, such as `30s`.'),
      labels: labels.default({}).describe('Labels of the PodMonitors: what your Prometheus selects them by.'),
    })
    .describe('Scraping by the Prometheus operator.'),
  prometheusRule: z
    .strictObject({
      enabled: z
        .boolean()
        .default(true)
        .describe(
          'Makes a PrometheusRule with the alert on transactions in doubt, where the cluster has that API (monitoring.coreos.com/v1).',
        ),
      labels: labels.default({}).describe('Labels of the PrometheusRule: what your Prometheus selects it by.'),
    })
    .describe('Alerts by the Prometheus operator.'),
  dashboard: z
    .strictObject({
      enabled: z.boolean().default(true).describe('Makes a ConfigMap with the Grafana dashboard.'),
      labels: labels
        .default({
          grafana_dashboard: '1',
        })
        .describe("Labels of the ConfigMap: what Grafana's dashboard sidecar selects it by."),
      annotations: annotations.default({}).describe('Annotations of the ConfigMap, such as the folder in Grafana.'),
    })
    .describe('Grafana dashboard.'),
  test: z
    .strictObject({
      timeoutSeconds: z
        .int()
        .min(10)
        .max(3600)
        .default(180)
        .describe(
          'Seconds that `helm test` waits in all for its Queue and its messages. Give `helm test --timeout` more.',
        ),
      storage: z
        .strictObject({
          size: size.default('1Gi').describe("Volume of the test's broker."),
          storageClassName: optionalName
            .default('')
            .describe("StorageClass of that volume; empty: the cluster's default."),
        })
        .describe('Storage of the test.'),
    })
    .describe('`helm test`: sends a message and receives it, through a Queue of its own.'),
  global: z
    .record(z.string(), z.unknown())
    .optional()
    .describe('Given by Helm where this chart is a dependency; not used.'),
})
