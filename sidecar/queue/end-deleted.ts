import { queueStream } from '../../crds/protocol/subjects.ts'
import type { QueueState } from './state.ts'

/**
 * Somebody deleted single messages: JetStream goes on counting them as pending, so that no counting would find them. False where some
 * are still to be delivered, which is to be looked at again.
 */
export async function endDeleted({ js, name, lanes, settler }: QueueState): Promise<boolean> {
  const { state } = await js.manager.streams.info(queueStream(name), { deleted_details: true })
  let complete = true
  for (const sequence of state.deleted ?? []) {
    for (const lane of lanes) {
      if (lane.ledger.isSettled(sequence) || lane.moving.has(sequence)) continue
      if (sequence <= lane.ledger.delivered) settler.settle(lane, sequence, 'dropped')
      else complete = false
    }
  }
  return complete
}
