import { queueSubject } from '../../crds/protocol/subjects.ts'
import { type Lane, MAX_IN_FLIGHT, type StreamShape } from './lane.ts'

/** A lane a level, from the least urgent, 0, up. */
export const priorityLanes = (queue: string, levels: number): Lane[] =>
  Array.from({ length: levels }, (_, level) => ({
    name: `l${level}`,
    filterSubject: `${queueSubject(queue)}.${level}`,
    maxAckPending: MAX_IN_FLIGHT,
  }))

/** A message that names no level is stored as one of the default level. */
export const priorityShape = (queue: string, levels: number, defaultLevel: number): StreamShape => ({
  subjects: [queueSubject(queue), ...priorityLanes(queue, levels).map(({ filterSubject }) => filterSubject)],
  transform: { src: queueSubject(queue), dest: `${queueSubject(queue)}.${defaultLevel}` },
})
