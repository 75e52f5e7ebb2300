import { headers } from '@nats-io/transport-node'
import { z } from 'zod'
import { delayedStream, delayedSubject } from '../../crds/protocol/subjects.ts'
import type { JetStreamAccess } from '../jetstream/access.ts'
import { nextOf } from '../jetstream/stored-message.ts'

const schema = z.object({ created: z.string(), through: z.int().min(0) })

/**
 * The word that no message of the delayed stream has a copy in the Queue's stream, as created at `created`, at or below
 * `through`. After a crash between copy and removal, copies are looked for above it only.
 */
export type Checkpoint = z.infer<typeof schema>

const subject = (queue: string): string => `${delayedSubject(queue)}.checkpoint`

export async function readCheckpoint(js: JetStreamAccess, queue: string): Promise<Checkpoint | undefined> {
  const message = await nextOf(js, delayedStream(queue), subject(queue), 1)
  if (message === undefined) return undefined
  const parsed = schema.safeParse(JSON.parse(new TextDecoder().decode(message.data)))
  return parsed.success ? parsed.data : undefined
}

/** Takes the place of the one before. */
export async function writeCheckpoint(js: JetStreamAccess, queue: string, checkpoint: Checkpoint): Promise<void> {
  const replacing = headers()
  replacing.set('Nats-Rollup', 'sub')
  await js.client.publish(subject(queue), JSON.stringify(checkpoint), { headers: replacing })
}
