import { z } from 'zod'
import { documented, type Rule } from '../schema/rule.ts'
import { affinitySchema } from './affinity.ts'
import { annotations, labels } from './labels.ts'
import { tolerationSchema, topologySpreadConstraintSchema } from './scheduling.ts'

const ownLabels = ['app.kubernetes.io/name', 'app.kubernetes.io/instance', 'app.kubernetes.io/managed-by']

const ownLabelsRule: Rule<Record<string, string>> = {
  cel: `self.all(key, !key.startsWith('pillion.dev/') && !(key in [${ownLabels.map((key) => `'${key}'`).join(', ')}]))`,
  message: `the operator finds pods by pillion.dev/… and ${ownLabels.join(', ')}; use other keys`,
  holds: (self) => Object.keys(self).every((key) => !key.startsWith('pillion.dev/') && !ownLabels.includes(key)),
}

/** What may be said about the pods beside what the operator decides; a closed set. */
export const podTemplateSchema = documented(
  z.strictObject({
    labels: labels('Labels to put on the pods, beside those of the operator.', [ownLabelsRule]).optional(),
    annotations: annotations('Annotations to put on the pods.').optional(),
    nodeSelector: labels('Labels that a node must have to run the pods.').optional(),
    affinity: affinitySchema.optional(),
    tolerations: documented(z.array(tolerationSchema).max(32), {
      description: 'Taints of nodes that the pods put up with.',
      extensions: { 'x-kubernetes-list-type': 'atomic' },
    }).optional(),
    topologySpreadConstraints: documented(z.array(topologySpreadConstraintSchema).max(16), {
      description: 'How the pods are spread over nodes and zones.',
      extensions: { 'x-kubernetes-list-type': 'atomic' },
    }).optional(),
    priorityClassName: documented(z.string().min(1).max(253), {
      description: 'Priority class of the pods. Default: none.',
    }).optional(),
  }),
  { description: 'What is put on the broker pods; a closed set. A change restarts them.' },
)
