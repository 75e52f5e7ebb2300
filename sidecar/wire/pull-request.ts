import { z } from 'zod'

/** What a client's pull asks for. Times in milliseconds. */
export interface PullRequest {
  readonly batch: number
  /** How long it waits; undefined: until its client is gone. */
  readonly expiresMs: number | undefined
  /** Ends at once when there is nothing, or nothing more. */
  readonly noWait: boolean
  readonly maxBytes: number
  /** 0: no heartbeats. */
  readonly heartbeatMs: number
}

const schema = z.object({
  batch: z.int().default(1),
  expires: z.int().default(0),
  max_bytes: z.int().default(0),
  idle_heartbeat: z.int().default(0),
  no_wait: z.boolean().default(false),
})

const NS_PER_MS = 1e6
const decoder = new TextDecoder()

/** Reads a pull's body as nats-server does: nothing, a number, or JSON. A string says what is wrong with it. */
export function parsePullRequest(body: Uint8Array): PullRequest | string {
  const text = decoder.decode(body).trim()
  if (!text.startsWith('{')) return { ...ONE, batch: Math.max(1, Math.trunc(Number(text)) || 1) }
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return 'invalid JSON'
  }
  const parsed = schema.safeParse(json)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    return `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'malformed'}`
  }
  const { batch, expires, max_bytes: maxBytes, idle_heartbeat: heartbeat, no_wait: noWait } = parsed.data
  const expiresMs = expires / NS_PER_MS
  const heartbeatMs = heartbeat / NS_PER_MS
  if (heartbeatMs > 0 && heartbeatMs * 2 > expiresMs) return 'heartbeat value too large'
  return {
    batch: Math.max(1, batch),
    expiresMs: expiresMs > 0 ? expiresMs : undefined,
    noWait,
    maxBytes,
    heartbeatMs,
  }
}

const ONE: PullRequest = { batch: 1, expiresMs: undefined, noWait: false, maxBytes: 0, heartbeatMs: 0 }
