import type { z } from 'zod'
import { isDuration, parseDuration } from '../../crds/index.ts'
import { beginRequestSchema } from '../../crds/protocol/transaction.ts'
import { SidecarError } from '../sidecar-error.ts'

/** Nothing stays open for longer. Milliseconds. */
const MAX_TIMEOUT_MS = 24 * 3_600_000

/** What a client asks for. Throws SidecarError InvalidParameter, which names the field. */
export function parseRequest<T>(schema: z.ZodType<T>, input: unknown): T {
  const parsed = schema.safeParse(input)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  const field = (issue?.path ?? []).reduce<string>(
    (path, key) => (typeof key === 'number' ? `${path}[${key}]` : path === '' ? String(key) : `${path}.${String(key)}`),
    '',
  )
  const where = field === '' ? 'the request' : field
  const more = field === '' ? {} : { field }
  throw new SidecarError('InvalidParameter', `${where}: ${issue?.message ?? 'is not understood'}`, more)
}

export interface Begin {
  readonly id: string | undefined
  readonly secret: string | undefined
  readonly timeoutMs: number
}

export function parseBegin(input: unknown): Begin {
  const { id, secret, timeout, checkBack } = parseRequest(beginRequestSchema, input)
  if (checkBack !== undefined) {
    throw new SidecarError(
      'NotImplemented',
      'checkBack: nobody is asked yet what is to become of a transaction; leave it out, and set a timeout',
      { field: 'checkBack' },
    )
  }
  const ms = isDuration(timeout) ? parseDuration(timeout) : 0
  if (ms <= 0 || ms > MAX_TIMEOUT_MS) {
    throw new SidecarError(
      'InvalidParameter',
      `timeout is ${JSON.stringify(timeout)}; write a duration of 24h at most, like 30s or 5m`,
      { field: 'timeout' },
    )
  }
  return { id, secret, timeoutMs: ms }
}
