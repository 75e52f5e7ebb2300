import { DeliverPolicy, type StreamInfo } from '@nats-io/jetstream'
import type { Correction } from '../../crds/protocol/api.ts'
import { laneConsumer } from '../../crds/protocol/subjects.ts'
import { wantedDeadLetterStream, wantedLane, wantedQueueStream, wantedSettlementStream } from '../jetstream/desired.ts'
import { type Ensured, ensureConsumer, ensureStream, GONE } from '../jetstream/ensure.ts'
import { lanes as lanesOf } from '../lanes/lanes.ts'
import { replay } from '../settlement/replay.ts'
import { cutBackTo } from './cut-back.ts'
import { type LaneState, laneState } from './lane-state.ts'
import type { QueueState } from './state.ts'

/**
 * Makes the broker's streams and lanes as the Queue declares them, and takes up what the settlement log says of the stream where
 * it was not known before. Returns what was there and differed.
 */
export async function takeUp(q: QueueState): Promise<Correction[]> {
  const { manager } = q.js
  const known = q.created !== ''
  const stream = await ensureStream(manager, wantedQueueStream(q.name, q.spec))
  const deadLetters = await ensureStream(manager, wantedDeadLetterStream(q.name, q.spec))
  const log = await ensureStream(manager, wantedSettlementStream(q.name))
  if (stream.info.created !== q.created) await adopt(q, stream.info, log.info)
  // A log that was gone: what is settled behind a gap is known here only.
  else if (log.created) await q.log.append(q.settler.snapshot())
  const consumers = await ensureLanes(q, stream.info)
  if (!known) return []
  const found = [
    correction(`stream ${log.info.config.name}`, log),
    correction(`stream ${deadLetters.info.config.name}`, deadLetters),
    correction(`stream ${stream.info.config.name}`, stream),
    // A lane goes with its stream: that it had to be made again as well is no second news.
    ...consumers.map((lane) => correction(`consumer ${lane.info.name} of stream ${q.name}`, lane, stream.created)),
  ]
  return found.filter((c) => c !== undefined)
}

function correction(object: string, found: Ensured<unknown>, expected = false): Correction | undefined {
  if (found.created && !expected) return { object, message: GONE }
  return found.changed
}

/** A stream that was not known before: at the start, or made anew. Its past is what the log says of it. */
async function adopt(q: QueueState, stream: StreamInfo, log: StreamInfo): Promise<void> {
  const records = await q.log.read(log, stream.created)
  const ledgers = replay(records)
  const end = await cutBackTo(q.js, stream, records)
  q.created = stream.created
  q.createdAt = Date.parse(stream.created)
  q.lanes = wantedLanes(q).map((state) => {
    const ledger = ledgers.get(state.consumer)
    ledger?.forgetAbove(end)
    if (ledger !== undefined) state.ledger = ledger
    else state.ledger.droppedBelow(stream.state.first_seq)
    return state
  })
  q.settler.purgedThrough = stream.state.first_seq - 1
  // From here on the numbers above `end` belong to other messages, so the records that named them have to go.
  if (records.length > 1) await q.log.compact(q.settler.snapshot())
}

async function ensureLanes(q: QueueState, stream: StreamInfo): Promise<Array<Ensured<{ name: string }>>> {
  const { manager } = q.js
  const wanted = wantedLanes(q)
  for (const { consumer } of q.lanes) {
    if (!wanted.some((lane) => lane.consumer === consumer)) await manager.consumers.delete(q.name, consumer)
  }
  const found = []
  const lanes: LaneState[] = []
  for (const fresh of wanted) {
    // A known lane stays the same object: settlements on their way refer to it.
    const state = q.lanes.find(({ consumer }) => consumer === fresh.consumer) ?? fresh
    state.lane = fresh.lane
    if (state === fresh) state.ledger.droppedBelow(stream.state.first_seq)
    const ensured = await ensureConsumer(manager, q.name, wantedLane(state.group, state.lane, q.spec), (config) =>
      state.ledger.floor === 0
        ? config
        : { ...config, deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: state.ledger.floor + 1 },
    )
    state.ledger.resetDelivered(ensured.info.delivered.stream_seq)
    await deleteUndelivered(q, state)
    lanes.push(state)
    found.push(ensured)
  }
  q.lanes = lanes
  return found
}

const wantedLanes = ({ name, spec }: QueueState): LaneState[] =>
  spec.consumerGroups.flatMap(({ name: group }) =>
    lanesOf(name, spec).map((lane) => laneState(group, lane, laneConsumer(group, lane.name))),
  )

/** On record, but a crash made JetStream forget that it delivered them: deleted, so that they are not delivered again. */
async function deleteUndelivered(q: QueueState, { ledger }: LaneState): Promise<void> {
  if (q.spec.retention.until !== 'Acknowledged' || q.spec.consumerGroups.length > 1) return
  for (const [from, to] of ledger.ranges()) {
    for (let sequence = Math.max(from, ledger.delivered + 1); sequence <= to; sequence++) {
      await q.js.manager.streams.deleteMessage(q.name, sequence, false).catch((error: unknown) => {
        q.logger.debug({ err: error, sequence }, 'a settled message was gone already')
      })
    }
  }
}
