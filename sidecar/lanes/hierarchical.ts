import { createHash } from 'node:crypto'
import { MAX_DEPTH } from '../../crds/index.ts'
import { queueSubject } from '../../crds/protocol/subjects.ts'
import { type Lane, MAX_IN_FLIGHT, type StreamShape } from './lane.ts'

/** Of the hash of a path, enough that two of a thousand sub-queues never share a name. */
const NAME_LENGTH = 20

/** A lane a sub-queue; its path, of whatever characters, is no consumer's name, but its hash is. */
export const hierarchicalLanes = (queue: string, paths: Iterable<string>, strict: boolean): Lane[] =>
  Array.from(paths, (path) => ({
    name: `s${createHash('sha256').update(path).digest('hex').slice(0, NAME_LENGTH)}`,
    filterSubject: `${queueSubject(queue)}.${path}`,
    maxAckPending: strict ? 1 : MAX_IN_FLIGHT,
    path,
  }))

export function hierarchicalShape(queue: string, maxPerSubject: number | undefined): StreamShape {
  const subjects = Array.from({ length: MAX_DEPTH }, (_, depth) => `${queueSubject(queue)}${'.*'.repeat(depth + 1)}`)
  return { subjects, ...(maxPerSubject === undefined ? {} : { maxPerSubject }) }
}

/** Whether a sub-queue is in the subtree; without one, it is. */
export const isWithin = (path: string, subtree: string | undefined): boolean =>
  subtree === undefined || path === subtree || path.startsWith(`${subtree}.`)
