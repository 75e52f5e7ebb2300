import { z } from 'zod'
import { ACTIVE_STREAM, activeSubject } from '../../crds/protocol/subjects.ts'
import type { JetStreamAccess } from '../jetstream/access.ts'
import { ensureStream, orMissing } from '../jetstream/ensure.ts'
import { lastWordStream } from '../jetstream/last-word-stream.ts'
import { nextOf } from '../jetstream/stored-message.ts'
import type { Consumer } from './tenure.ts'

const STREAM = lastWordStream(ACTIVE_STREAM, activeSubject('*', '*'))

const consumerSchema = z.object({ inbox: z.string(), connection: z.string() })

/** Who is the active consumer of a group, kept in the broker, so that a sidecar that starts again serves no other beside it. */
export async function readActive(js: JetStreamAccess, queue: string, group: string): Promise<Consumer | undefined> {
  await ensureStream(js.manager, STREAM)
  const message = await nextOf(js, ACTIVE_STREAM, activeSubject(queue, group), 1)
  return message === undefined ? undefined : consumerSchema.parse(JSON.parse(new TextDecoder().decode(message.data)))
}

/** Resolves when it is stored as durably as the broker stores anything. */
export async function writeActive(
  js: JetStreamAccess,
  queue: string,
  group: string,
  { inbox, connection }: Consumer,
): Promise<void> {
  await ensureStream(js.manager, STREAM)
  await js.client.publish(activeSubject(queue, group), JSON.stringify({ inbox, connection }))
}

/** Of a Queue that is removed. */
export async function forgetActive(js: JetStreamAccess, queue: string): Promise<void> {
  await orMissing(js.manager.streams.purge(ACTIVE_STREAM, { filter: activeSubject(queue, '*') }))
}
