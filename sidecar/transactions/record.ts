import { z } from 'zod'
import type { ParticipationPath } from '../../crds/protocol/participations.ts'
import { refusalSchema, type Transaction, type TransactionState } from '../../crds/protocol/transaction.ts'
import type { Coordinator } from './coordinator.ts'
import type { Participant } from './participant.ts'

const names = z.array(z.string())
const checkBack = z.object({ firstMs: z.number(), intervalMs: z.number(), limit: z.int() }).optional()

const coordinatorSchema: z.ZodType<Coordinator> = z.discriminatedUnion('phase', [
  z.object({ phase: z.literal('open'), deadline: z.number(), checkBack: checkBack.transform((c) => c) }),
  z.object({
    phase: z.enum(['prepared', 'inDoubt']),
    participants: names,
    deadline: z.number(),
    checkBack: checkBack.transform((c) => c),
    asked: z.int(),
    askAt: z.number(),
  }),
  z.object({ phase: z.literal('committing'), participants: names, done: names, givenUp: names.default([]) }),
  z.object({ phase: z.literal('committed'), participants: names, givenUp: names.default([]) }),
  z.object({ phase: z.literal('aborted'), reason: z.string() }),
])

const participantSchema: z.ZodType<Participant> = z.discriminatedUnion('phase', [
  z.object({ phase: z.literal('prepared') }),
  z.object({ phase: z.literal('committing'), after: z.record(z.string(), z.int()) }),
  z.object({ phase: z.literal('committed') }),
  z.object({ phase: z.literal('aborted') }),
])

const counts = {
  sends: z.int(),
  first: z.int().optional(),
  last: z.int().optional(),
  duplicates: z.int().optional(),
}
/** `created`: when the Queue's stream was. */
const partSchema = z.object({ created: z.string(), ...counts })
export type Part = z.infer<typeof partSchema>
/** `broker`: who kept the Queue when the transaction was prepared, whoever does now. */
const otherPartSchema = z.object({ broker: z.string(), ...counts })
export type OtherPart = z.infer<typeof otherPartSchema>

const askedSchema = z.union([z.object({ subject: z.string() }), z.object({ url: z.string() })])
/** Whom to ask what is to become of it. */
export type Asked = z.infer<typeof askedSchema>

/**
 * What is on record of a transaction: both sides of it, and what it is about; of another broker's one side, and this broker's part. Times are
 * milliseconds since 1970.
 */
export const recordSchema = z.object({
  v: z.literal(1),
  id: z.string(),
  /** Where another broker coordinates it. */
  of: z.object({ coordinator: z.string(), id: z.string() }).optional(),
  startedAt: z.number(),
  decidedAt: z.number().optional(),
  endedAt: z.number().optional(),
  /** Of the request, where it was one. */
  digest: z.string().optional(),
  /** The hash of the secret that its requests have to name. */
  secret: z.string().optional(),
  asks: askedSchema.optional(),
  coordinator: coordinatorSchema.optional(),
  participant: participantSchema.optional(),
  /** By target, where it sends to in this broker's Queues. */
  queues: z.record(z.string(), partSchema),
  /** By target, where it sends to in Queues of other brokers; and those in which it acknowledges, by Queue. */
  others: z.record(z.string(), otherPartSchema).default({}),
  acks: z.array(z.string()),
  error: refusalSchema.optional(),
})
export type TransactionRecord = z.infer<typeof recordSchema>

/** What a part of another broker's transaction is known by here; no client can name it so. */
export const participationId = ({ coordinator, id }: ParticipationPath): string =>
  `${coordinator.replaceAll('.', '_')}:${id}`

const STATES: Readonly<Record<Coordinator['phase'], TransactionState>> = {
  open: 'Open',
  preparing: 'Open',
  prepared: 'Prepared',
  inDoubt: 'InDoubt',
  committing: 'Committing',
  committed: 'Committed',
  aborted: 'Aborted',
}

/** What the record does not have. */
export interface NotOnRecord {
  /** What it waits for, in words. */
  readonly waitsFor?: string | undefined
  readonly waits?: Transaction['waits']
  readonly inDoubt?: boolean
}

/** As clients are shown it. */
export function shown(
  record: TransactionRecord,
  { waitsFor, waits = [], inDoubt = false }: NotOnRecord = {},
): Transaction {
  const { id, of, coordinator, participant, acks, startedAt, endedAt, error } = record
  const reason = reasonOf(coordinator, waitsFor)
  const givenUp = coordinator !== undefined && 'givenUp' in coordinator ? coordinator.givenUp : []
  const checkBack = shownCheckBack(record)
  const phase = of === undefined ? coordinator?.phase : participant?.phase
  return {
    id: of?.id ?? id,
    ...(of === undefined ? {} : { coordinator: of.coordinator }),
    state: STATES[phase ?? 'aborted'],
    ...(reason === undefined ? {} : { reason }),
    ...(inDoubt ? { inDoubt } : {}),
    ...(waits.length === 0 ? {} : { waits }),
    ...(givenUp.length === 0 ? {} : { givenUp: [...givenUp] }),
    queues: shownQueues(record),
    acks: acks.length,
    ...(checkBack === undefined ? {} : { checkBack }),
    startedAt: new Date(startedAt).toISOString(),
    ...(endedAt === undefined ? {} : { endedAt: new Date(endedAt).toISOString() }),
    ...(error === undefined ? {} : { error }),
  }
}

export function shownQueues({ queues, others }: TransactionRecord): Transaction['queues'] {
  const elsewhere = Object.entries(others).filter(([, { sends }]) => sends > 0)
  return Object.fromEntries([...Object.entries(queues), ...elsewhere].map(([name, part]) => [name, shownPart(part)]))
}

function reasonOf(coordinator: Coordinator | undefined, waitsFor: string | undefined): string | undefined {
  if (coordinator?.phase === 'aborted') return coordinator.reason
  if (coordinator?.phase !== 'inDoubt') return waitsFor
  const last = waitsFor === undefined ? '' : ` (the last time: ${waitsFor})`
  return `its producer was asked ${coordinator.asked} times and said neither commit nor abort${last}; decide it with pillion tx resolve`
}

function shownCheckBack({ asks, coordinator }: TransactionRecord): Transaction['checkBack'] {
  if (asks === undefined || coordinator === undefined || !('checkBack' in coordinator)) return undefined
  const { checkBack } = coordinator
  if (checkBack === undefined) return undefined
  return { ...asks, limit: checkBack.limit, ...('asked' in coordinator ? { asked: coordinator.asked } : {}) }
}

const shownPart = ({ sends, first, last, duplicates }: Omit<OtherPart, 'broker'>): Transaction['queues'][string] => ({
  sends,
  ...(first === undefined ? {} : { first }),
  ...(last === undefined ? {} : { last }),
  ...(duplicates === undefined ? {} : { duplicates }),
})
