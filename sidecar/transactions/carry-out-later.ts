import { slotOf, slotSubject } from '../delay/slot.ts'
import { storedHeader } from '../delay/headers.ts'
import type { JetStreamAccess } from '../jetstream/access.ts'
import type { BatchMessage } from '../jetstream/atomic-batch.ts'
import type { Queue } from '../queue/queue.ts'
import { TRANSACTION_HEADER } from '../settlement/copied-headers.ts'
import { type CarriedOut, type Carrying, storeOnce } from './carry-out.ts'
import { markOf, publishedLater, type StagedSend } from './sends.ts'
import { laterTarget } from './target.ts'

type LaterMessage = BatchMessage & { readonly due: number }

/**
 * Puts a transaction's sends that come later to what waits in their Queue, as one batch; the same again does nothing. None of them leaves it
 * before it is on record that they are there (`Delayed.hold`), so what is not found there never was. Throws where it is not known whether they
 * are there.
 */
export function carryOutLater(js: JetStreamAccess, queue: Queue, carrying: Carrying): Promise<CarriedOut> {
  const { transaction, sends, after, again } = carrying
  const place = {
    messages: () => sends.map((send, at) => later(queue, send, at, carrying)),
    find: async () => {
      const sequences = await queue.delayed.sequencesOf(transaction, after)
      const [first, last] = [sequences[0], sequences.at(-1)]
      return first === undefined || last === undefined ? undefined : { first, last }
    },
    store: (messages: () => readonly LaterMessage[]) =>
      queue.delayed.putAll(messages().map(({ due, ...message }) => ({ due, message }))),
  }
  return storeOnce(js, place, again)
}

/** The same whenever it is made: what is to come after a while counts from the decision. */
function later(
  queue: Queue,
  send: StagedSend,
  at: number,
  { transaction, decidedAt }: Pick<Carrying, 'transaction' | 'decidedAt'>,
): LaterMessage {
  const asked = publishedLater(send, queue.spec, decidedAt)
  // The Queue takes less than when it was prepared: it is waited for, as where it is full.
  if (asked.kind !== 'store') throw new Error(asked.kind === 'refuse' ? asked.error.description : 'it is no publish')
  const { due, headers, messageId } = asked
  const mark = markOf(transaction, laterTarget(queue.name))
  headers.set(storedHeader.transaction, transaction)
  headers.set(TRANSACTION_HEADER, mark)
  // What is on its way from a process that is no more is a duplicate then.
  headers.set('Nats-Msg-Id', messageId ?? `${mark}/${at}`)
  return { due, subject: slotSubject(queue.name, slotOf(due)), headers, data: Buffer.from(send.body, 'base64') }
}
