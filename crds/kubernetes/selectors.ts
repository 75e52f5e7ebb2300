import { z } from 'zod'
import { choice } from '../schema/fields.ts'
import { documented } from '../schema/rule.ts'
import { labels } from './labels.ts'

const values = documented(z.array(z.string().max(253)).max(64), {
  description: 'Values to compare with. Empty for Exists and DoesNotExist.',
  extensions: { 'x-kubernetes-list-type': 'atomic' },
})

const key = documented(z.string().min(1).max(317), { description: 'Key of the label.' })

const labelRequirementSchema = documented(
  z.strictObject({
    key,
    operator: choice('How the label is compared.', ['In', 'NotIn', 'Exists', 'DoesNotExist']),
    values: values.optional(),
  }),
  { description: 'A condition on a label.' },
)

/** metav1.LabelSelector. */
export function labelSelector(description: string) {
  return documented(
    z.strictObject({
      matchLabels: labels('Labels that an object must have.').optional(),
      matchExpressions: documented(z.array(labelRequirementSchema).max(32), {
        description: 'Conditions on labels; all must hold.',
        extensions: { 'x-kubernetes-list-type': 'atomic' },
      }).optional(),
    }),
    { description, extensions: { 'x-kubernetes-map-type': 'atomic' } },
  )
}

const nodeRequirementSchema = documented(
  z.strictObject({
    key,
    operator: choice('How it is compared; Gt and Lt compare whole numbers.', [
      'In',
      'NotIn',
      'Exists',
      'DoesNotExist',
      'Gt',
      'Lt',
    ]),
    values: values.optional(),
  }),
  { description: 'A condition on a node.' },
)

const nodeRequirements = (description: string) =>
  documented(z.array(nodeRequirementSchema).max(32), {
    description,
    extensions: { 'x-kubernetes-list-type': 'atomic' },
  })

/** A term of corev1.NodeSelector. */
export const nodeSelectorTermSchema = documented(
  z.strictObject({
    matchExpressions: nodeRequirements("Conditions on the node's labels; all must hold.").optional(),
    matchFields: nodeRequirements("Conditions on the node's fields (metadata.name); all must hold.").optional(),
  }),
  { description: 'Which nodes are meant.', extensions: { 'x-kubernetes-map-type': 'atomic' } },
)
