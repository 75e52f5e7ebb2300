import { isDuration, parseDuration } from '../../crds/index.ts'
import { delayHeader } from './headers.ts'

/** A publish may be put off by no more than a year. Milliseconds. */
export const MAX_DELAY_MS = 365 * 24 * 3_600_000

/** RFC 3339: a date, a time, and an offset or Z. */
const RFC_3339 = /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/
const EXAMPLE = '2027-01-31T09:00:00Z'

/**
 * When a delayed publish is due, in milliseconds since 1970; a time in the past is `now`. A string says what is wrong with the
 * headers, to the publisher. Pure.
 *
 * @param delay values of `Pillion-Delay`
 * @param at values of `Pillion-At`
 */
export function dueAt(delay: readonly string[], at: readonly string[], now: number): number | string {
  if (delay.length + at.length === 0) {
    return `a publish to delay.<queue> needs a header that says when: ${delayHeader.delay}: 90s, or ${delayHeader.at}: ${EXAMPLE}`
  }
  if (delay.length + at.length > 1) {
    return `${delayHeader.delay} and ${delayHeader.at} exclude each other, and each is given once; keep one of them`
  }
  const [duration] = delay
  const due = duration === undefined ? parseTime(at[0] ?? '') : parseDelay(duration, now)
  if (typeof due === 'string') return due
  if (due - now > MAX_DELAY_MS) {
    const header = duration === undefined ? delayHeader.at : delayHeader.delay
    return `${header} is more than a year (8760h) from now; name an earlier time`
  }
  return Math.max(now, due)
}

const parseDelay = (text: string, now: number): number | string =>
  isDuration(text)
    ? now + parseDuration(text)
    : `${delayHeader.delay} is ${JSON.stringify(text)}, which is no duration; write it like 500ms, 90s, 5m, 1h30m or 168h`

function parseTime(text: string): number | string {
  const [, , month, day, hour] = RFC_3339.exec(text) ?? []
  const time = hour === undefined ? Number.NaN : Date.parse(text.toUpperCase().replace(' ', 'T'))
  // JavaScript takes the 31st of February for a day in March.
  const isDay =
    month !== undefined && Number(day) <= new Date(Date.UTC(Number(text.slice(0, 4)), Number(month), 0)).getUTCDate()
  return isDay && Number.isFinite(time)
    ? time
    : `${delayHeader.at} is ${JSON.stringify(text)}, which is no RFC 3339 time; write it like ${EXAMPLE}`
}
