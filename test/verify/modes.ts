import type { StreamConfig } from '@nats-io/jetstream'

/** What the verifier can check the order of: the ordering modes of a Queue, and its types. */
export const MODES = ['Fifo', 'KeyedFifo', 'Priority', 'Lru', 'Hierarchical', 'Exclusive'] as const
export type Mode = (typeof MODES)[number]

/** What a Queue is, as far as the subjects and limits of its stream tell. */
export interface Found {
  readonly mode: Exclude<Mode, 'Exclusive'>
  /** Priority only. */
  readonly levels: number
}

type Shape = Partial<Pick<StreamConfig, 'subjects' | 'subject_transform' | 'max_msgs_per_subject'>>

/** Undefined where the stream takes publishes in a way that no mode does. Pure. */
export function modeOfStream(queue: string, stream: Shape): Found | undefined {
  const subjects = stream.subjects ?? []
  const below = subjects.filter((subject) => subject.startsWith(`q.${queue}.`))
  const found = (mode: Found['mode'], levels = 0): Found => ({ mode, levels })
  if (subjects.includes(`q.${queue}`)) return below.length === 0 ? found('Fifo') : found('Priority', below.length)
  if (below.includes(`q.${queue}.*.*`)) return found('Hierarchical')
  if (!below.includes(`q.${queue}.*`)) return undefined
  if (stream.subject_transform !== undefined) return found('KeyedFifo')
  return stream.max_msgs_per_subject === 1 ? found('Lru') : undefined
}

/** Why a Queue that is `found` cannot be verified in `mode`; undefined where it can. Pure. */
export function misfit(mode: Mode, levels: number, queue: string, found: Found | undefined): string | undefined {
  // Who may consume is not to be seen in the stream: an Exclusive Queue looks like any other.
  if (found === undefined || (mode === 'Exclusive' && found.mode === 'Fifo')) return undefined
  if (found.mode !== mode) return `--mode is ${mode}, and Queue ${queue} takes publishes as in mode ${found.mode}`
  if (mode === 'Priority' && levels > found.levels)
    return `--levels is ${levels}, and Queue ${queue} has ${found.levels}`
  return undefined
}
