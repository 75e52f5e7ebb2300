import { CLIENT_INBOXES } from '../../crds/protocol/subjects.ts'

const PREFIXES = CLIENT_INBOXES.map((subject) => subject.slice(0, -1))

/**
 * Whether a request may be answered where it asks for it. The sidecar and the server may publish anywhere, a client may not:
 * without this check a client could name an API subject as the reply of a pull, an info request or an acknowledgement, and have
 * it published to with our permissions.
 */
export const mayBeAnswered = ({ reply }: { readonly reply?: string }): boolean =>
  reply !== undefined && PREFIXES.some((prefix) => reply.startsWith(prefix))
