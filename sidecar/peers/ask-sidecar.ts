import { request } from 'undici'
import type { z } from 'zod'
import { apiErrorSchema } from '../../crds/protocol/api.ts'
import { jsonOf } from '../wire/json.ts'

/** How the sidecar of another broker is reached. */
export interface SidecarAccess {
  readonly url: string
  /** None in embedded mode. */
  readonly token?: string | undefined
}

export interface SidecarRequest {
  readonly method: 'PUT' | 'POST' | 'DELETE'
  readonly path: string
  readonly body?: unknown
  readonly signal: AbortSignal
}

/** What the sidecar of another broker did not do. */
export class SidecarFailure extends Error {}

/** Asks the sidecar of another broker. Throws SidecarFailure, which says what it refused, or that it does not answer. */
export async function askSidecar<T>(access: SidecarAccess, asked: SidecarRequest, schema: z.ZodType<T>): Promise<T> {
  const { status, text } = await send(access, asked)
  const json = jsonOf(text)
  const answer = schema.safeParse(json)
  if (status < 300 && answer.success) return answer.data
  const refused = apiErrorSchema.safeParse(json)
  const why = refused.success ? refused.data.error.message : `${status}: ${text.slice(0, 200)}`
  throw new SidecarFailure(`the sidecar at ${access.url} refuses it: ${why}`)
}

async function send(
  { url, token }: SidecarAccess,
  { method, path, body, signal }: SidecarRequest,
): Promise<{ status: number; text: string }> {
  try {
    const answer = await request(new URL(path, url), {
      method,
      headers: {
        'content-type': 'application/json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      body: body === undefined ? null : JSON.stringify(body),
      signal,
    })
    return { status: answer.statusCode, text: await answer.body.text() }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new SidecarFailure(`the sidecar at ${url} does not answer (${reason})`, { cause: error })
  }
}
