import type { z } from 'zod'
import { SidecarError } from '../sidecar-error.ts'

/** What is asked for. Throws SidecarError InvalidParameter, which names the field. */
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
