/** Names of what a broker named `broker` consists of. They follow from its name alone, so nothing has to be looked up. */
export const statefulSetName = (broker: string): string => broker
export const podName = (broker: string, ordinal = 0): string => `${broker}-${ordinal}`
/** What clients and the operator connect to. */
export const clientServiceName = (broker: string): string => broker
/** Headless: names for the pods themselves. */
export const podsServiceName = (broker: string): string => `${broker}-pods`
/** For applications to mount: address and password of the client user. */
export const clientSecretName = (broker: string): string => `${broker}-client`
/** For the broker pod and the operator alone. */
export const sidecarSecretName = (broker: string): string => `${broker}-sidecar`
export const configMapName = (broker: string): string => `${broker}-config`
export const serviceAccountName = (broker: string): string => `${broker}-broker`
export const disruptionBudgetName = (broker: string): string => broker
export const networkPolicyName = (broker: string): string => broker

export const DATA_VOLUME = 'data'
/** As the StatefulSet controller names it. */
export const claimName = (broker: string, ordinal = 0): string => `${DATA_VOLUME}-${podName(broker, ordinal)}`

export const NATS_PORT = 4222
export const MONITOR_PORT = 8222
export const HTTP_PORT = 8080

/** Where clients inside the cluster connect. */
export const clientAddress = (namespace: string, broker: string): string =>
  `nats://${clientServiceName(broker)}.${namespace}.svc:${NATS_PORT}`
