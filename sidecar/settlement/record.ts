import { z } from 'zod'
import { type AccountState, accountSchema } from './account.ts'
import type { Range } from './range-set.ts'
import { jsonOf } from '../wire/json.ts'

/**
 * One message of the settlement log. `stream` is when the queue's stream was created: records of an earlier stream of the same
 * name say nothing of this one. `at` is when the record was made; a message stored later than that cannot be what it speaks of.
 */
export interface SettlementRecord {
  readonly stream: string
  /** Milliseconds since 1970. */
  readonly at: number
  readonly lanes: Readonly<Record<string, LaneSettlements>>
  /** In a snapshot: what became of every message before it, by group. */
  readonly accounts?: Readonly<Record<string, AccountState>>
}

export interface LaneSettlements {
  /** In a snapshot: everything up to here is settled, and earlier records of the lane are not needed. */
  readonly floor?: number
  /** In the last record before a stop in good order: how many deliveries the lane had made. */
  readonly deliveries?: number
  readonly acknowledged?: readonly Range[]
  readonly deadLettered?: readonly Range[]
  /** No longer in the stream when their end was looked for. */
  readonly dropped?: readonly Range[]
  /** Moved to the tail: a copy took its place. */
  readonly moved?: readonly Range[]
  /** Taken out by somebody who operates the Queue. */
  readonly purged?: readonly Range[]
  /** Moved to another Queue. */
  readonly transferred?: readonly Range[]
}

const ranges = z
  .array(z.int().min(1))
  .refine((flat) => flat.length % 2 === 0)
  .transform((flat): Range[] => {
    const pairs: Range[] = []
    for (let index = 0; index + 1 < flat.length; index += 2) pairs.push([flat[index] ?? 0, flat[index + 1] ?? 0])
    return pairs
  })

const schema = z.object({
  v: z.literal(1),
  stream: z.string(),
  at: z.number(),
  lanes: z.record(
    z.string(),
    z.object({
      floor: z.int().min(0).optional(),
      n: z.int().min(0).optional(),
      a: ranges.optional(),
      d: ranges.optional(),
      x: ranges.optional(),
      m: ranges.optional(),
      p: ranges.optional(),
      t: ranges.optional(),
    }),
  ),
  accounts: z.record(z.string(), accountSchema).optional(),
})

export function encodeRecord(record: SettlementRecord): string {
  const lanes = Object.fromEntries(
    Object.entries(record.lanes).map(([lane, s]) => [
      lane,
      {
        floor: s.floor,
        n: s.deliveries,
        a: flat(s.acknowledged),
        d: flat(s.deadLettered),
        x: flat(s.dropped),
        m: flat(s.moved),
        p: flat(s.purged),
        t: flat(s.transferred),
      },
    ]),
  )
  return JSON.stringify({ v: 1, stream: record.stream, at: record.at, lanes, accounts: record.accounts })
}

/** Undefined when the text is no record of this version. */
export function decodeRecord(text: string): SettlementRecord | undefined {
  const parsed = schema.safeParse(jsonOf(text))
  if (!parsed.success) return undefined
  const { stream, at, lanes, accounts } = parsed.data
  return {
    stream,
    at,
    lanes: Object.fromEntries(
      Object.entries(lanes).map(([lane, s]) => [
        lane,
        {
          ...(s.floor === undefined ? {} : { floor: s.floor }),
          ...(s.n === undefined ? {} : { deliveries: s.n }),
          ...(s.a === undefined ? {} : { acknowledged: s.a }),
          ...(s.d === undefined ? {} : { deadLettered: s.d }),
          ...(s.x === undefined ? {} : { dropped: s.x }),
          ...(s.m === undefined ? {} : { moved: s.m }),
          ...(s.p === undefined ? {} : { purged: s.p }),
          ...(s.t === undefined ? {} : { transferred: s.t }),
        },
      ]),
    ),
    ...(accounts === undefined ? {} : { accounts }),
  }
}

/** Every range of a lane's record, whatever the outcome. */
export const allRanges = (s: LaneSettlements): Range[] => [
  ...(s.acknowledged ?? []),
  ...(s.deadLettered ?? []),
  ...(s.dropped ?? []),
  ...(s.moved ?? []),
  ...(s.purged ?? []),
  ...(s.transferred ?? []),
]

const flat = (list: readonly Range[] | undefined): number[] | undefined =>
  list === undefined || list.length === 0 ? undefined : list.flatMap(([from, to]) => [from, to])
