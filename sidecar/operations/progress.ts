import { z } from 'zod'
import { isFinished, type Operation, operationSchema } from '../../crds/protocol/operation.ts'
import type { WantedOperation } from './request.ts'

/**
 * An operation as the broker keeps it.
 *
 *     Running ⇄ Waiting (for room, for nats-server)
 *        │         │
 *        └─────────┴──→ Succeeded | Failed | Cancelled
 *
 * It goes through the source from `position` to `last`, in batches. Before a batch of copies is made it is an `intent`; when all copies
 * are there, their originals are ended, and the batch is done. After a crash the copies that were made are found in the target, behind
 * `after`, or told by the other broker that the target is in: they are `copied`, and only their originals have to be ended. What is not
 * found was not made.
 */
export const progressSchema = operationSchema.extend({
  /** When the stream of the originals was created: in another one of its name there is nothing to go on with. */
  created: z.string(),
  /** The next sequence to look at. */
  position: z.int().min(1),
  /** The last one that was there when it began. */
  last: z.int().min(0),
  /** Whether something at or before `position` was left, so that the rest cannot be purged as a whole. */
  left: z.boolean(),
  /** Batches of copies that were begun. */
  batch: z.int().default(0),
  intent: z.object({ sequences: z.array(z.int()), after: z.int() }).optional(),
  copied: z.array(z.int()).optional(),
})
export type Progress = z.infer<typeof progressSchema>

export interface Beginning {
  readonly queue: string
  readonly id: string
  readonly created: string
  readonly first: number
  readonly last: number
  readonly total: number
  readonly now: Date
}

/** Pure. */
export const beginning = ({ broker, ...request }: WantedOperation, b: Beginning): Progress => ({
  ...request,
  ...(broker === undefined ? {} : { broker: { url: broker.url } }),
  id: b.id,
  queue: b.queue,
  state: 'Running',
  message: '',
  total: b.total,
  looked: 0,
  done: 0,
  skipped: 0,
  startedAt: b.now.toISOString(),
  created: b.created,
  position: Math.max(1, b.first),
  last: b.last,
  left: false,
  batch: 0,
})

/**
 * What is known of operations by their words, oldest first. After a crash nats-server may bring back words that were replaced, also
 * those of operations that were forgotten since. So the last word of each holds; and as there is one at a time in a Queue, one that has
 * not ended is left over where anything was said in its Queue after it. Pure.
 */
export function lastWords(words: readonly Progress[]): { readonly known: Progress[]; readonly leftOver: Progress[] } {
  const last = new Map<string, Progress>()
  const newest = new Map<string, Progress>()
  for (const word of words) {
    const key = `${word.queue} ${word.id}`
    last.delete(key)
    last.set(key, word)
    newest.set(word.queue, word)
  }
  const isKnown = (word: Progress): boolean => isFinished(word) || newest.get(word.queue) === word
  const all = [...last.values()]
  return { known: all.filter(isKnown), leftOver: all.filter((word) => !isKnown(word)) }
}

/** What is told of it. Pure. */
export function shown({
  created: _c,
  position: _p,
  last: _l,
  left: _f,
  batch: _b,
  intent: _i,
  copied: _d,
  ...rest
}: Progress): Operation {
  return rest
}

export interface Batch {
  /** Looked at, selected or not. */
  readonly looked: number
  readonly done: number
  readonly skipped: number
  /** The next sequence to look at. */
  readonly position: number
}

/** A batch is done. Pure. */
export function advanced(p: Progress, { looked, done, skipped, position }: Batch): Progress {
  const { intent: _i, copied: _d, ...rest } = p
  return {
    ...rest,
    state: 'Running',
    message: '',
    looked: p.looked + looked,
    done: p.done + done,
    skipped: p.skipped + skipped,
    position,
    left: p.left || done < looked,
  }
}

/** Of the copies that were to be made these were; the rest is looked at again. Pure. */
export function found(p: Progress, copied: number[]): Progress {
  const { intent: _, ...rest } = p
  return { ...rest, ...(copied.length === 0 ? {} : { copied }) }
}

/** The originals of the copies that were found are ended. Pure. */
export function ended(p: Progress): Progress {
  const { copied = [], ...rest } = p
  // They are not there any more to be looked at with the rest.
  return { ...rest, done: p.done + copied.length, looked: p.looked + copied.length }
}

/** Pure. */
export const waitingFor = (p: Progress, message: string): Progress => ({ ...p, state: 'Waiting', message })

/** Pure. */
export function finished(
  p: Progress,
  state: 'Succeeded' | 'Failed' | 'Cancelled',
  message: string,
  now: Date,
): Progress {
  const { intent: _i, copied: _d, ...rest } = p
  return { ...rest, state, message, finishedAt: now.toISOString() }
}

/** As many more may be done; Infinity where no number was asked for. Pure. */
export const wanted = ({ select, done }: Pick<Progress, 'select' | 'done'>): number =>
  select.count === undefined ? Number.POSITIVE_INFINITY : Math.max(0, select.count - done)
