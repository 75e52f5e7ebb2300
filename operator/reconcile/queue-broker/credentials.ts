import { clientSecretName, sidecarSecretName } from '../../desired/names.ts'
import { clientSecret, newSecret, secretText, sidecarSecret } from '../../desired/secrets.ts'
import { type Secret, secrets } from '../../kube/resources.ts'
import { ownershipOf } from '../objects/ownership.ts'
import { done, type Outcome } from '../outcome.ts'
import { ensureOf } from './apply.ts'
import { type BrokerState, found } from './state.ts'

/**
 * Passwords are made once. What stands in the Secrets is read back and never changed, so somebody who sets a new password there
 * changes it for good (the pod restarts, since it is part of what the pod reads). Only what is missing is made anew.
 */
export async function applyCredentials(state: BrokerState): Promise<Outcome> {
  const broker = found(state.broker, 'the spec')
  const forSidecar = await stored(state, sidecarSecretName(state.name))
  const forClient = await stored(state, clientSecretName(state.name))
  const credentials = {
    sidecarPassword: secretText(forSidecar, 'password') ?? newSecret(),
    token: secretText(forSidecar, 'token') ?? newSecret(),
    clientPassword: secretText(forClient, 'password') ?? newSecret(),
  }
  const wanted = [
    [forSidecar, sidecarSecret(broker, credentials.sidecarPassword, credentials.token)],
    [forClient, clientSecret(broker, credentials.clientPassword)],
  ] as const
  for (const [existing, secret] of wanted) {
    // Two operators for a moment, each with passwords of its own: the second create fails and reads the first one's.
    const createOnly = existing === undefined
    const { halt } = await ensureOf(state, secrets, state.context.caches.secrets, secret, { createOnly })
    if (halt !== undefined) return halt
  }
  state.credentials = credentials
  return done
}

/** Read from the API server where the cache has none: a Secret that lost its label still holds the password. */
async function stored({ context, stored, namespace }: BrokerState, name: string): Promise<Secret | undefined> {
  const at = { namespace, name }
  const secret = context.caches.secrets.get(at) ?? (await context.client.find(secrets, at))
  return secret !== undefined && ownershipOf(secret, stored) === 'ours' ? secret : undefined
}
