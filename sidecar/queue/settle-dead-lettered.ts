import type { StreamInfo } from '@nats-io/jetstream'
import type { StoredMessage } from '../jetstream/stored-message.ts'
import { walk } from '../jetstream/walk.ts'
import { laneSubject } from '../lanes/lanes.ts'
import { headerValue } from '../settlement/copied-headers.ts'
import { deadLetterHeader, moveId } from '../settlement/dead-letter.ts'
import { firstUnrecorded } from './first-unrecorded.ts'
import { isWhatWasStored } from './is-what-was-stored.ts'
import type { QueueState } from './state.ts'

/**
 * Messages whose dead letters are stored, and that are not on record as such because a crash came between: they are settled now, or
 * they would be delivered beside their dead letters.
 *
 * @param stream the dead letters
 */
export async function settleDeadLettered(q: QueueState, stream: StreamInfo): Promise<void> {
  const first = await firstUnrecorded(q, stream)
  if (first === undefined) return
  for await (const letter of walk(q.js, stream, { from: first.seq, to: stream.state.last_seq })) await settle(q, letter)
}

async function settle(q: QueueState, letter: StoredMessage): Promise<void> {
  const { name, spec, created, lanesBySubject, settler, metrics, logger } = q
  const value = (header: string): string => headerValue(letter.headers, header) ?? ''
  const group = value(deadLetterHeader.group)
  const sequence = Number(value(deadLetterHeader.sequence))
  const publishedAt = new Date(value(deadLetterHeader.publishedAt))
  // Of another stream of this name, or not by the sidecar.
  if (value('Nats-Msg-Id') !== moveId({ queue: name, group, created, sequence, publishedAt })) return
  const lanes = lanesBySubject.get(laneSubject(name, spec, value(deadLetterHeader.subject))) ?? []
  const lane = lanes.find((one) => one.group === group)
  if (lane === undefined || lane.ledger.isSettled(sequence) || settler.isEnding(lane, sequence)) return
  if (!(await isWhatWasStored(q, { sequence, storedAt: publishedAt.getTime() }))) return
  const reason = value(deadLetterHeader.reason)
  settler.settle(lane, sequence, 'deadLettered', { late: true })
  metrics.deadLettered(group, reason)
  metrics.repaired('dead-lettered')
  logger.warn({ sequence, group, reason }, 'a message was dead-lettered and that was not on record; it is now')
}
