import { setTimeout as delay } from 'node:timers/promises'
import { jetstream, type JetStreamClient } from '@nats-io/jetstream'
import { jetStreamAccess } from '../../../sidecar/jetstream/access.ts'
import { walk } from '../../../sidecar/jetstream/walk.ts'
import { TestBroker } from '../../sidecar/harness.ts'
import { kill, type Moment } from '../killer.ts'
import { type Random, seedsFrom } from '../random.ts'
import {
  type PublisherKind,
  type PutPublisher,
  PutStory,
  type PutVerdict,
  type Stored,
  textOf,
  WRONGS,
} from './story.ts'

export interface PutChaosSettings {
  readonly seed: number
  readonly kills: number
}

export interface PutChaosReport extends PutVerdict {
  readonly seed: number
  readonly kills: number
  readonly seconds: number
}

const QUEUE = 'orders'
/** Together 1,000 publishes in flight. */
const PUBLISHERS: ReadonlyArray<PublisherKind & { readonly count: number }> = [
  { count: 17, inFlight: 50, retries: true },
  { count: 100, inFlight: 1, retries: true },
  { count: 50, inFlight: 1, retries: false },
]
const CONNECTIONS = 4
/** A publisher whose publish was lost waits no longer. Milliseconds. */
const TIMEOUT_MS = 1000
/** Before it publishes again. Milliseconds. */
const AGAIN_MS = 20
/** From one start to the next kill, at most: publishers that wait in vain after a kill are at it again by then. Milliseconds. */
const ALIVE_MS = 2 * TIMEOUT_MS
/** From a kill to the start, at most. Milliseconds. */
const AWAY_MS = 200

/**
 * Publishes to a broker of its own with durability Always while its parts are killed, then compares what publishers were told with what is stored.
 *
 * @param onKill told after each kill, from 1
 */
export async function runPutChaos(
  { seed, kills }: PutChaosSettings,
  onKill: (number: number, victim: string) => void = () => undefined,
): Promise<PutChaosReport> {
  const started = performance.now()
  await using broker = await TestBroker.start({ sync: 'always', sidecar: 'ownProcess' })
  await broker.api.put(QUEUE, { retention: { maxBytes: '1Gi' }, deduplication: { window: '1h' } })
  const story = new PutStory()
  let isOver = false
  const clients = await Promise.all(Array.from({ length: CONNECTIONS }, () => broker.client()))
  const publishing = publishers().map((publisher, n) => {
    const client = clients[n % clients.length]
    if (client === undefined) throw new Error('no client')
    return publish(jetstream(client), publisher, story, () => isOver)
  })
  const random = seedsFrom(seed)()
  const happened = (what: string): void => {
    if (what.startsWith('killed')) story.killed()
  }
  try {
    for (let number = 1; number <= kills; number++) onKill(number, await kill(broker, random, happened, moment(random)))
  } finally {
    isOver = true
    await Promise.all(publishing)
  }
  const verdict = story.verdict(await storedIn(broker))
  return { ...verdict, seed, kills, seconds: Math.round((performance.now() - started) / 1000) }
}

const moment = (random: Random): Moment => ({
  aliveMs: random() * ALIVE_MS,
  away: { ms: random() * AWAY_MS, againAfterMs: undefined },
})

export const isWrong = (report: PutChaosReport): boolean => WRONGS.some((name) => report[name] > 0)

const publishers = (): PutPublisher[] =>
  PUBLISHERS.flatMap(({ count, ...kind }, k) =>
    Array.from({ length: count }, (_, n) => ({ ...kind, name: `p${k}.${n}` })),
  )

/** Until it is over, and what was begun is acknowledged or given up. */
async function publish(
  js: JetStreamClient,
  publisher: PutPublisher,
  story: PutStory,
  over: () => boolean,
): Promise<void> {
  const once = async (number: number): Promise<boolean> => {
    const text = textOf(publisher, number)
    story.tried(publisher, number)
    const options = { timeout: TIMEOUT_MS, retries: 0, ...(publisher.retries ? { msgID: text } : {}) }
    try {
      const { seq } = await js.publish(`q.${QUEUE}`, text, options)
      story.acknowledged(publisher, number, seq)
      return true
    } catch {
      story.failed(publisher, number)
      await delay(AGAIN_MS)
      return false
    }
  }
  let next = 0
  const inTurn = async (): Promise<void> => {
    while (!over()) {
      const number = next++
      let isDone = await once(number)
      while (!isDone && publisher.retries) isDone = await once(number)
    }
  }
  await Promise.all(Array.from({ length: publisher.inFlight }, inTurn))
}

async function storedIn(broker: TestBroker): Promise<Stored[]> {
  const js = await jetStreamAccess(broker.admin.connection)
  const stream = await broker.admin.stream(QUEUE)
  const stored: Stored[] = []
  for await (const { seq, data, headers } of walk(js, stream, { from: 1, to: stream.state.last_seq })) {
    const isBatched = headers.some(([name]) => name === 'Nats-Batch-Id')
    stored.push({ sequence: seq, text: new TextDecoder().decode(data), isBatched })
  }
  if (stored.length !== stream.state.messages)
    throw new Error(`${stored.length} messages were read of the ${stream.state.messages} that the stream holds`)
  return stored
}
