import {
  type ConsumerInfo,
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamManager,
  type StreamInfo,
} from '@nats-io/jetstream'
import type { Correction } from '../../crds/protocol/api.ts'
import type { WantedConsumer, WantedStream } from './desired.ts'
import { describeDifferences, differences } from './differences.ts'

/** From the word that a pause is over to its end. Milliseconds. */
const WAKE_MS = 300

/** What is told of a stream or consumer that should have been there. */
export const GONE = 'it was gone and was made anew'

/** What was found and done about one stream or consumer. */
export interface Ensured<T> {
  readonly info: T
  readonly created: boolean
  /** Set when it was there and differed. */
  readonly changed?: Correction
}

/** nats-server refuses to change these; a lane starts where it started. */
const FIXED_CONSUMER_FIELDS = ['deliver_policy', 'opt_start_seq', 'durable_name']

/** Makes a stream as declared: creates it, updates it, or leaves it as it is. */
export async function ensureStream(jsm: JetStreamManager, wanted: WantedStream): Promise<Ensured<StreamInfo>> {
  const current = await orMissing(jsm.streams.info(wanted.name))
  if (current === undefined) return { info: await jsm.streams.add(wanted), created: true }
  const found = differences(current.config, wanted)
  if (found.length === 0) return { info: current, created: false }
  const info = await jsm.streams.update(wanted.name, { ...current.config, ...wanted })
  return {
    info,
    created: false,
    changed: { object: `stream ${wanted.name}`, message: describeDifferences(found) },
  }
}

/** Makes a lane's consumer as declared. A new one starts at `startSequence`, behind what is settled. */
export async function ensureConsumer(
  jsm: JetStreamManager,
  stream: string,
  wanted: WantedConsumer,
  start: (deliverFrom: WantedConsumer) => WantedConsumer,
): Promise<Ensured<ConsumerInfo>> {
  const current = await orMissing(jsm.consumers.info(stream, wanted.durable_name))
  if (current === undefined) return { info: await jsm.consumers.add(stream, start(wanted)), created: true }
  const { pause_until: paused, ...config } = current.config
  const { pause_until: pause, deliver_policy: _, ...update } = wanted
  // One that is to have no filter says so by leaving it out.
  const { filter_subject: _filter, ...unfiltered } = config
  const found = differences(config, { filter_subject: undefined, ...update }, FIXED_CONSUMER_FIELDS)
  // nats-server leaves a consumer's pause as it is in an update; it has a request of its own.
  const isPaused = paused !== undefined && Date.parse(paused) > Date.now() + WAKE_MS
  const repause = pause === undefined ? isPaused : paused !== pause
  if (found.length === 0 && !repause) return { info: current, created: false }
  let info = current
  if (found.length > 0) info = await jsm.consumers.update(stream, wanted.durable_name, { ...unfiltered, ...update })
  // A resume does not wake pulls that wait (2.15); the end of a pause does.
  const until = pause === undefined ? new Date(Date.now() + WAKE_MS) : new Date(pause)
  if (repause) await jsm.consumers.pause(stream, wanted.durable_name, until)
  const all = repause ? [...found, { field: 'pause_until', is: paused, wanted: pause }] : found
  return {
    info,
    created: false,
    changed: { object: `consumer ${wanted.durable_name} of stream ${stream}`, message: describeDifferences(all) },
  }
}

/** The answer, or undefined when JetStream says that the stream or consumer does not exist. */
export async function orMissing<T>(request: Promise<T>): Promise<T | undefined> {
  try {
    return await request
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

export const isMissing = (error: unknown): boolean =>
  error instanceof JetStreamApiError &&
  (error.code === JetStreamApiCodes.StreamNotFound || error.code === JetStreamApiCodes.ConsumerNotFound)
