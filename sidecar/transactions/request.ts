import type { z } from 'zod'
import { formatDuration, isDuration, parseDuration } from '../../crds/index.ts'
import { CHECK_BACK_PREFIX } from '../../crds/protocol/subjects.ts'
import { beginRequestSchema, type checkBackSchema } from '../../crds/protocol/transaction.ts'
import { SidecarError } from '../sidecar-error.ts'
import { parseRequest } from '../wire/parse-request.ts'
import type { CheckBack } from './check-back.ts'
import type { Asked } from './record.ts'

/** Nothing stays open for longer. Milliseconds. */
const MAX_TIMEOUT_MS = 24 * 3_600_000
/** A producer is asked no more often. Milliseconds. */
const MIN_ASK_MS = 1000
/** Of a subject or URL. Characters. */
const MAX_ASKED_LENGTH = 2048

export interface Begin {
  readonly id: string | undefined
  readonly secret: string | undefined
  readonly timeoutMs: number
  readonly asks: Asked | undefined
  readonly checkBack: CheckBack | undefined
}

export function parseBegin(input: unknown): Begin {
  const { id, secret, timeout, checkBack } = parseRequest(beginRequestSchema, input)
  return {
    id,
    secret,
    timeoutMs: durationMs('timeout', timeout, 1),
    asks: checkBack === undefined ? undefined : parseAsked(checkBack),
    checkBack:
      checkBack === undefined
        ? undefined
        : {
            firstMs: durationMs('checkBack.firstAfter', checkBack.firstAfter, MIN_ASK_MS),
            intervalMs: durationMs('checkBack.interval', checkBack.interval, MIN_ASK_MS),
            limit: checkBack.limit,
          },
  }
}

function durationMs(field: string, text: string, min: number): number {
  const ms = isDuration(text) ? parseDuration(text) : 0
  if (ms >= min && ms <= MAX_TIMEOUT_MS) return ms
  const from = min > 1 ? `from ${formatDuration(min)} to 24h` : 'of 24h at most'
  throw new SidecarError(
    'InvalidParameter',
    `${field} is ${JSON.stringify(text)}; write a duration ${from}, like 30s or 5m`,
    { field },
  )
}

/** A literal subject: no wildcards, no spaces, no empty tokens. */
const SUBJECT = /^[^\s.*>]+(\.[^\s.*>]+)*$/

/** Whom to ask. Throws SidecarError InvalidParameter. */
function parseAsked({ subject, url }: z.infer<typeof checkBackSchema>): Asked {
  const refuse = (field: string, message: string): never => {
    throw new SidecarError('InvalidParameter', `${field}: ${message}`, { field })
  }
  if ((subject === undefined) === (url === undefined))
    return refuse('checkBack', 'needs a subject or a url, and not both')
  if (subject !== undefined) {
    if (subject.startsWith(CHECK_BACK_PREFIX) && subject.length <= MAX_ASKED_LENGTH && SUBJECT.test(subject))
      return { subject }
    return refuse('checkBack.subject', `${JSON.stringify(subject)} cannot be asked; write ${CHECK_BACK_PREFIX}<name>`)
  }
  const parsed = url !== undefined && url.length <= MAX_ASKED_LENGTH ? URL.parse(url) : null
  const isHttp = parsed?.protocol === 'http:' || parsed?.protocol === 'https:'
  if (parsed === null || !isHttp)
    return refuse('checkBack.url', `${JSON.stringify(url)} cannot be asked; write an http:// or https:// URL`)
  if (parsed.username !== '' || parsed.password !== '')
    return refuse('checkBack.url', 'may have no user and password, since everybody who may look is shown it')
  return { url: parsed.href }
}
