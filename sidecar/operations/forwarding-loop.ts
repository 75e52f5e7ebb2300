import { deadLettersElsewhere, type QueueSpec } from '../../crds/index.ts'
import { SidecarError } from '../sidecar-error.ts'
import { forwardsTo } from './forwarding.ts'

type Declared = { readonly spec: QueueSpec }

/** Throws SidecarError InvalidSpec where the dead letters of a Queue would come back to it, over other Queues of the broker. */
export function refuseForwardingLoop(name: string, spec: QueueSpec, queues: ReadonlyMap<string, Declared>): void {
  const way = forwardingLoop(name, forwardsTo({ spec }), (other) => {
    const queue = queues.get(other)
    return queue === undefined ? undefined : forwardsTo(queue)
  })
  if (way === undefined) return
  const message = `dead letters would come back and go round for ever (${way.join(' → ')}); leave it out in one of these Queues`
  throw new SidecarError('InvalidSpec', message, { field: deadLettersElsewhere.field })
}

/**
 * The way that dead letters would take back to the Queue that gave them up, its name first and last; undefined: they do not come back.
 * @param next where the dead letters of another Queue go
 */
export function forwardingLoop(
  name: string,
  to: string | undefined,
  next: (queue: string) => string | undefined,
): string[] | undefined {
  const way = new Set([name])
  for (let queue = to; queue !== undefined; queue = next(queue)) {
    if (queue === name) return [...way, name]
    // Others go round without this one; they were refused, or are about to be.
    if (way.has(queue)) return undefined
    way.add(queue)
  }
  return undefined
}
