import { z } from 'zod'
import { choice, whole } from '../schema/fields.ts'
import { documented } from '../schema/rule.ts'
import { labelSelector } from './selectors.ts'

/** corev1.Toleration. */
export const tolerationSchema = documented(
  z.strictObject({
    key: documented(z.string().max(317), {
      description: 'Key of the taint. Default: any, with operator Exists.',
    }).optional(),
    operator: choice('Exists: any value. Equal: the same value. Default: Equal.', ['Exists', 'Equal']).optional(),
    value: documented(z.string().max(63), { description: 'Value of the taint; only with Equal.' }).optional(),
    effect: choice('Effect of the taint. Default: any.', ['NoSchedule', 'PreferNoSchedule', 'NoExecute']).optional(),
    tolerationSeconds: documented(z.int().min(0), {
      description: 'Seconds for which NoExecute is tolerated. Default: for ever.',
      extensions: { format: 'int64' },
    }).optional(),
  }),
  {
    description: 'A taint of nodes that the pods put up with.',
    rules: [
      {
        cel: "has(self.key) || (has(self.operator) && self.operator == 'Exists')",
        message: 'a toleration without a key needs operator: Exists; it then tolerates every taint',
        field: 'operator',
        holds: (self) => self.key !== undefined || self.operator === 'Exists',
      },
      {
        cel: "!has(self.value) || !has(self.operator) || self.operator == 'Equal'",
        message: 'value is used with operator Equal only; remove it',
        field: 'value',
        holds: (self) => self.value === undefined || self.operator === undefined || self.operator === 'Equal',
      },
      {
        cel: "!has(self.tolerationSeconds) || (has(self.effect) && self.effect == 'NoExecute')",
        message: 'tolerationSeconds is used with effect NoExecute only; remove it, or set effect: NoExecute',
        field: 'tolerationSeconds',
        holds: (self) => self.tolerationSeconds === undefined || self.effect === 'NoExecute',
      },
    ],
  },
)

/** corev1.TopologySpreadConstraint. */
export const topologySpreadConstraintSchema = documented(
  z.strictObject({
    maxSkew: whole('How many pods more one place may have than another. 1 or more.', 1, 2 ** 31 - 1),
    topologyKey: documented(z.string().min(1).max(317), {
      description: 'Label of nodes that says what a place is, such as topology.kubernetes.io/zone.',
    }),
    whenUnsatisfiable: choice('What to do with a pod that cannot be placed so.', ['DoNotSchedule', 'ScheduleAnyway']),
    labelSelector: labelSelector(
      'Which pods are counted. Default: none, so that the constraint has no effect.',
    ).optional(),
    matchLabelKeys: documented(z.array(z.string().max(317)).max(32), {
      description: 'Labels that counted pods must have with the same value as the pod itself.',
      extensions: { 'x-kubernetes-list-type': 'atomic' },
    }).optional(),
    minDomains: whole('Places that there must be at least; only with DoNotSchedule.', 1, 2 ** 31 - 1).optional(),
    nodeAffinityPolicy: choice("Whether nodes that the pod's affinity excludes count as places. Default: Honor.", [
      'Honor',
      'Ignore',
    ]).optional(),
    nodeTaintsPolicy: choice('Whether nodes with taints that the pod does not tolerate count. Default: Ignore.', [
      'Honor',
      'Ignore',
    ]).optional(),
  }),
  {
    description: 'How the pods are spread over places.',
    rules: [
      {
        cel: "!has(self.minDomains) || self.whenUnsatisfiable == 'DoNotSchedule'",
        message: 'minDomains is used with whenUnsatisfiable DoNotSchedule only; remove it',
        field: 'minDomains',
        holds: (self) => self.minDomains === undefined || self.whenUnsatisfiable === 'DoNotSchedule',
      },
    ],
  },
)
