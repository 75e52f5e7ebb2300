import { JetStreamApiError } from '@nats-io/jetstream'
import { z } from 'zod'
import { API_PREFIX } from '../../crds/protocol/subjects.ts'
import type { JetStreamAccess } from './access.ts'

/** What nats-server says where it refuses. */
export const apiErrorSchema = z.object({ code: z.int(), err_code: z.int(), description: z.string() })
const refusalSchema = z.object({ error: apiErrorSchema.optional() })

/**
 * Asks nats-server's API for what the client library has no call for, or would not read.
 *
 * @param call below the API's prefix, as `STREAM.INFO.<stream>`
 * @throws JetStreamApiError what nats-server refused
 */
export async function apiRequest<T>(
  js: JetStreamAccess,
  call: string,
  request: object,
  schema: z.ZodType<T>,
): Promise<T> {
  const answer = await js.connection.request(`${API_PREFIX}.${call}`, JSON.stringify(request), {
    timeout: js.timeoutMs,
  })
  const json: unknown = answer.json()
  const { error } = refusalSchema.parse(json)
  if (error !== undefined) throw new JetStreamApiError(error)
  return schema.parse(json)
}
