import { randomBytes } from 'node:crypto'
import type { Secret } from '../kube/resources.ts'
import { type Broker, brokerMeta } from './broker.ts'
import { clientAddress, clientSecretName, sidecarSecretName } from './names.ts'

/** Made once for a broker. What stands in its Secrets wins, whoever put it there. */
export type Credentials = { readonly clientPassword: string; readonly sidecarPassword: string; readonly token: string }

/**
 * 24 random bytes. The letter in front matters: nats-server reads passwords from the environment by the rules of its configuration
 * language, where a value that begins with a digit may be a number.
 */
export const newSecret = (): string => `p${randomBytes(24).toString('hex')}`

/** The Secret for applications: address, user name and password, ready to be mounted. */
export const clientSecret = (broker: Broker, password: string): Secret => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: brokerMeta(broker, clientSecretName(broker.name)),
  type: 'Opaque',
  data: encoded({ url: clientAddress(broker.namespace, broker.name), username: 'client', password }),
})

/** The Secret of the sidecar: its password at nats-server, and the token that the operator shows to its HTTP API. */
export const sidecarSecret = (broker: Broker, password: string, token: string): Secret => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: brokerMeta(broker, sidecarSecretName(broker.name)),
  type: 'Opaque',
  data: encoded({ username: 'sidecar', password, token }),
})

/** The text under `key`; undefined when it is missing or empty. */
export function secretText(secret: Secret | undefined, key: string): string | undefined {
  const value = secret?.data?.[key]
  return value === undefined || value === '' ? undefined : Buffer.from(value, 'base64').toString('utf8')
}

const encoded = (texts: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, Buffer.from(text).toString('base64')]))
