import type { JsMsg } from '@nats-io/jetstream'
import { headerValue } from '../settlement/copied-headers.ts'
import type { JetStreamAccess } from './access.ts'
import { storedMessage } from './stored-message.ts'

/** Reads headers of a message that was listed, also where the client library refuses to, since it would not write their keys. */
export async function headerReader(
  js: JetStreamAccess,
  stream: string,
  message: JsMsg,
): Promise<(name: string) => string | undefined> {
  try {
    const { headers } = message
    return (name) => headers?.get(name) || undefined
  } catch {
    const own = (await storedMessage(js, stream, message.seq))?.headers ?? []
    return (name) => headerValue(own, name)
  }
}
