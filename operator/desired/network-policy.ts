import { GROUP } from '../../crds/index.ts'
import type { NetworkPolicy } from '../kube/resources.ts'
import { type Broker, type BrokerSettings, brokerMeta } from './broker.ts'
import { BROKER_LABEL, podSelector } from './labels.ts'
import { HTTP_PORT, NATS_PORT, networkPolicyName } from './names.ts'

/** Namespaces with this label may scrape metrics of brokers. */
const METRICS_READER_LABEL = `${GROUP}/metrics-reader`

/**
 * Who may connect to a broker pod:
 * - 4222: every pod of the cluster; the password decides.
 * - 8080: the operator, other brokers of the namespace (to move messages, and for transactions that span brokers), pods that call themselves Prometheus (by the recommended
 *   label, as both of its charts set it), and namespaces labelled `pillion.dev/metrics-reader: "true"`. Where the operator works through the API server's proxy, connections
 *   come from the API server, which no selector can name: then everybody, and the token alone decides.
 * - 8222: nobody. The kubelet's probes come from the pod's own node, which network plugins let in whatever a policy says, as port
 *   forwarding is, which ends inside the pod.
 *
 * Policies add up: who exposes a broker beyond the cluster adds one of their own.
 */
export function networkPolicy(broker: Broker, settings: BrokerSettings): NetworkPolicy {
  const anyNamespace = {}
  const callers = [
    { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': settings.operatorNamespace } } },
    { podSelector: { matchExpressions: [{ key: BROKER_LABEL, operator: 'Exists' }] } },
    { namespaceSelector: anyNamespace, podSelector: { matchLabels: { 'app.kubernetes.io/name': 'prometheus' } } },
    { namespaceSelector: { matchLabels: { [METRICS_READER_LABEL]: 'true' } } },
  ]
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: brokerMeta(broker, networkPolicyName(broker.name)),
    spec: {
      podSelector: { matchLabels: podSelector(broker.name) },
      policyTypes: ['Ingress'],
      ingress: [
        { ports: [{ port: NATS_PORT, protocol: 'TCP' }], from: [{ namespaceSelector: anyNamespace }] },
        {
          ports: [{ port: HTTP_PORT, protocol: 'TCP' }],
          ...(settings.throughApiServer ? {} : { from: callers }),
        },
      ],
    },
  }
}
