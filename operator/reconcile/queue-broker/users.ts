import { BY_BROKER, type Caches } from '../../caches.ts'
import { brokerRefOf } from '../../broker-of.ts'
import { isControlledBy, isGoing, keyOf } from '../../kube/object.ts'
import type { StoredQueue, StoredQueueBroker } from '../../kube/resources.ts'
import { hasFinalizer, QUEUE_FINALIZER } from '../finalizer.ts'

/** Names of the Queues that have their messages in a broker and are not yet done with it, in order. */
export function usersOf({ queues }: Pick<Caches, 'queues'>, broker: StoredQueueBroker): string[] {
  const needs = (queue: StoredQueue): boolean => {
    // A Queue that only has the broker's name, without having made it, does not use it.
    if (brokerRefOf(queue) === undefined && !isControlledBy(broker, queue)) return false
    return !isGoing(queue) || hasFinalizer(queue, QUEUE_FINALIZER)
  }
  return queues
    .by(BY_BROKER, keyOf(broker))
    .filter(needs)
    .map((queue) => queue.metadata.name)
    .toSorted()
}
