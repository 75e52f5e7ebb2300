import { createHash, createHmac } from 'node:crypto'
import { z } from 'zod'

/**
 * What a broker is told of the others of its namespace, so that a transaction may span them: body of `PUT /peers`, which takes the place of
 * what was told before. Kept in memory only; the operator looks at `GET /peers` and tells it again after a restart.
 */
export const peersSchema = z.strictObject({
  /** This broker's own name, as the others are told it. */
  self: z.string().min(1),
  brokers: z.array(
    z.strictObject({
      name: z.string().min(1),
      /** Of its sidecar: `http://<host>:<port>`. */
      url: z.url({ protocol: /^https?$/ }),
      /** That it takes on the routes for peers, see `peerToken`; none in embedded mode. */
      token: z.string().optional(),
      /** The Queues that it keeps. */
      queues: z.array(z.string().min(1)),
    }),
  ),
})
export type Peers = z.infer<typeof peersSchema>

/** Answer of `GET /peers` and `PUT /peers`. `digest`: of what the broker was told last; absent: nothing since it started. */
export const peersKnownSchema = z.object({ digest: z.string().optional() })
export type PeersKnown = z.infer<typeof peersKnownSchema>

/** The same for the same brokers and Queues in whatever order. */
export function peersDigest({ self, brokers }: Peers): string {
  const sorted = brokers
    .map(({ name, url, token, queues }) => [name, url, token ?? '', queues.toSorted()] as const)
    .toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  return createHash('sha256')
    .update(JSON.stringify([self, sorted]))
    .digest('hex')
}

/** What peers show a broker's sidecar in place of its own token: it opens the routes of transactions between brokers, and nothing else. */
export const peerToken = (token: string): string => createHmac('sha256', token).update('pillion peer').digest('hex')
