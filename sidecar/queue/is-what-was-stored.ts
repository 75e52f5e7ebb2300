import { queueStream } from '../../crds/protocol/subjects.ts'
import { storedMessage } from '../jetstream/stored-message.ts'
import type { QueueState } from './state.ts'

/**
 * Whether a number of the Queue's stream still is that of the message that was stored then, or of none any more. After a loss of power it
 * may be another's, or be given to another one next.
 *
 * @param storedAt milliseconds since 1970
 */
export async function isWhatWasStored(
  { js, name }: Pick<QueueState, 'js' | 'name'>,
  { sequence, storedAt }: { readonly sequence: number; readonly storedAt: number },
): Promise<boolean> {
  const message = await storedMessage(js, queueStream(name), sequence)
  if (message !== undefined) return message.time.getTime() === storedAt
  const { state } = await js.manager.streams.info(queueStream(name))
  return sequence <= state.last_seq
}
