import { createHash, timingSafeEqual } from 'node:crypto'
import type { MiddlewareHandler } from 'hono'
import { PROXY_AUTHORIZATION_HEADER } from '../../crds/protocol/api.ts'
import { SidecarError } from '../sidecar-error.ts'

/** Lets through who bears one of the tokens; everybody when there is none. */
export function requireToken(...tokens: readonly string[]): MiddlewareHandler {
  const wanted = tokens.map((token) => digest(`Bearer ${token}`))
  return async (c, next) => {
    if (wanted.length > 0) {
      const given = c.req.header(PROXY_AUTHORIZATION_HEADER) ?? c.req.header('Authorization')
      if (given === undefined) {
        throw new SidecarError('Unauthorized', 'this call needs the header "Authorization: Bearer <token>"')
      }
      const shownDigest = digest(given)
      if (!wanted.some((one) => timingSafeEqual(shownDigest, one))) {
        throw new SidecarError(
          'Unauthorized',
          "the token is not this broker's; it is in the Secret <broker>-sidecar, key token",
        )
      }
    }
    await next()
  }
}

// Digests are of one length, so comparing them tells nothing of the token's.
const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
