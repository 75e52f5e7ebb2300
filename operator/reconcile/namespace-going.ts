import { isGoing } from '../kube/object.ts'
import { namespaces } from '../kube/resources.ts'
import type { Context } from './context.ts'

/** Whether the namespace is being deleted, or gone: then nothing holds up what is in it. */
export async function isNamespaceGoing({ client }: Context, name: string): Promise<boolean> {
  const namespace = await client.find(namespaces, { namespace: '', name })
  return namespace === undefined || isGoing(namespace)
}
