import { artemis } from './artemis.ts'
import { kafka } from './kafka.ts'
import type { Peer, PeerName } from './peer.ts'
import { rabbitmq } from './rabbitmq.ts'
import { redis } from './redis.ts'

export const PEERS: Readonly<Record<PeerName, Peer>> = { redis, rabbitmq, artemis, kafka }
