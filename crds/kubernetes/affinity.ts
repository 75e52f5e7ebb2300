import { z } from 'zod'
import { whole } from '../schema/fields.ts'
import { documented } from '../schema/rule.ts'
import { labelSelector, nodeSelectorTermSchema } from './selectors.ts'

const atomic = { 'x-kubernetes-list-type': 'atomic' }

function terms<S extends z.ZodType>(schema: S, description: string) {
  return documented(z.array(schema).max(32), { description, extensions: atomic })
}

const names = (description: string) => terms(z.string().max(317), description)
const weight = () => whole('Weight among the preferences. 1 to 100.', 1, 100)

const nodeAffinitySchema = documented(
  z.strictObject({
    requiredDuringSchedulingIgnoredDuringExecution: documented(
      z.strictObject({
        nodeSelectorTerms: terms(nodeSelectorTermSchema, 'Kinds of node; one of them must fit.'),
      }),
      { description: 'Nodes that the pods may run on.', extensions: { 'x-kubernetes-map-type': 'atomic' } },
    ).optional(),
    preferredDuringSchedulingIgnoredDuringExecution: terms(
      documented(z.strictObject({ weight: weight(), preference: nodeSelectorTermSchema }), {
        description: 'A kind of node and how much it is preferred.',
      }),
      'Nodes that the pods should rather run on.',
    ).optional(),
  }),
  { description: 'On which nodes the pods run.' },
)

const podAffinityTermSchema = documented(
  z.strictObject({
    topologyKey: documented(z.string().min(1).max(317), {
      description: 'Label of nodes that says what counts as the same place, such as kubernetes.io/hostname.',
    }),
    labelSelector: labelSelector('Which pods are meant. Default: none.').optional(),
    namespaceSelector: labelSelector(
      'Namespaces of those pods, by label. Default: the namespace of the pod itself.',
    ).optional(),
    namespaces: names('Namespaces of those pods, by name.').optional(),
    matchLabelKeys: names('Labels that those pods must have with the same value as the pod itself.').optional(),
    mismatchLabelKeys: names('Labels that those pods must have with another value than the pod itself.').optional(),
  }),
  { description: 'Other pods, and what counts as the same place.' },
)

function podAffinity(description: string) {
  return documented(
    z.strictObject({
      requiredDuringSchedulingIgnoredDuringExecution: terms(
        podAffinityTermSchema,
        'What must hold; all of it.',
      ).optional(),
      preferredDuringSchedulingIgnoredDuringExecution: terms(
        documented(z.strictObject({ weight: weight(), podAffinityTerm: podAffinityTermSchema }), {
          description: 'Other pods and how much they weigh.',
        }),
        'What should rather hold.',
      ).optional(),
    }),
    { description },
  )
}

/** corev1.Affinity. */
export const affinitySchema = documented(
  z.strictObject({
    nodeAffinity: nodeAffinitySchema.optional(),
    podAffinity: podAffinity('Other pods to run in the same place with.').optional(),
    podAntiAffinity: podAffinity('Other pods not to run in the same place with.').optional(),
  }),
  { description: 'Where the pods may run and where they should, as in any pod.' },
)
