import { parseDuration } from '../../crds/index.ts'
import type { Selection } from '../../crds/protocol/operation.ts'
import { subjectMatches } from '../wire/subject.ts'
import type { StoredMessage } from '../jetstream/stored-message.ts'
import { deadLetterHeader } from '../settlement/dead-letter.ts'

type Message = Pick<StoredMessage, 'headers' | 'time'>

/**
 * Whether a message is one of those that are to be operated on; `count` is not looked at. Pure.
 *
 * @param subject that it was published to
 * @param now milliseconds since 1970
 */
export function isSelected(select: Selection, message: Message, subject: string, now: number): boolean {
  const { reason, olderThan, header } = select
  if (olderThan !== undefined && message.time.getTime() > now - parseDuration(olderThan)) return false
  if (select.subject !== undefined && !subjectMatches(select.subject, subject)) return false
  if (reason !== undefined && !has(message, deadLetterHeader.reason, reason)) return false
  return header === undefined || has(message, header.name, header.value)
}

const has = ({ headers }: Message, name: string, value: string | undefined): boolean =>
  headers.some(([key, is]) => key.toLowerCase() === name.toLowerCase() && (value === undefined || is === value))

/** Whether every message is one of them. Pure. */
export const selectsAll = (select: Selection): boolean => Object.values(select).every((value) => value === undefined)
