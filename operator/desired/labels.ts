import { GROUP } from '../../crds/index.ts'

export const MANAGED_BY_LABEL = 'app.kubernetes.io/managed-by'
export const BROKER_LABEL = `${GROUP}/broker`

/** Everything that is watched apart from our own kinds carries this, so memory does not grow with the cluster. */
export const MANAGED_SELECTOR = `${MANAGED_BY_LABEL}=pillion`

/** On each object and pod of a broker. */
export const brokerLabels = (broker: string): Record<string, string> => ({
  'app.kubernetes.io/name': 'pillion-broker',
  'app.kubernetes.io/instance': broker,
  [MANAGED_BY_LABEL]: 'pillion',
  [BROKER_LABEL]: broker,
})

/** What selects a broker's pods; a StatefulSet's cannot be changed later, so no more than is needed. */
export const podSelector = (broker: string): Record<string, string> => ({ [BROKER_LABEL]: broker })
