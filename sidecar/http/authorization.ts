import { createHash, timingSafeEqual } from 'node:crypto'
import type { MiddlewareHandler } from 'hono'
import { PROXY_AUTHORIZATION_HEADER } from '../../crds/protocol/api.ts'
import { SidecarError } from '../sidecar-error.ts'

/** Lets through who bears the token; everybody when there is none. */
export function requireToken(token: string | undefined): MiddlewareHandler {
  const wanted = token === undefined ? undefined : digest(`Bearer ${token}`)
  return async (c, next) => {
    if (wanted !== undefined) {
      const given = c.req.header(PROXY_AUTHORIZATION_HEADER) ?? c.req.header('Authorization')
      if (given === undefined) {
        throw new SidecarError('Unauthorized', 'this call needs the header "Authorization: Bearer <token>"')
      }
      if (!timingSafeEqual(digest(given), wanted)) {
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
