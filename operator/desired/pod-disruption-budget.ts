import type { PodDisruptionBudget } from '../kube/resources.ts'
import { type Broker, brokerMeta } from './broker.ts'
import { podSelector } from './labels.ts'
import { disruptionBudgetName } from './names.ts'

/**
 * One pod at a time. That is what keeps a majority of three or five; of a lone pod it means that draining its node may move it:
 * with 0 every drain would hang until somebody deletes the budget, and moving costs a pause but no message. A pod that is not
 * ready protects nothing, so it never holds up a drain.
 */
export const podDisruptionBudget = (broker: Broker): PodDisruptionBudget => ({
  apiVersion: 'policy/v1',
  kind: 'PodDisruptionBudget',
  metadata: brokerMeta(broker, disruptionBudgetName(broker.name)),
  spec: {
    maxUnavailable: 1,
    unhealthyPodEvictionPolicy: 'AlwaysAllow',
    selector: { matchLabels: podSelector(broker.name) },
  },
})
