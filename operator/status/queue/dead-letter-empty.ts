import { deadLetterStream } from '../../../crds/protocol/subjects.ts'
import { type Fact, isFalse, isTrue, isUnknown } from '../condition.ts'
import type { QueueFacts } from './facts.ts'

/** Whether somebody should look at dead letters. A Queue with dead letters is as ready as one without. */
export function deadLetterEmpty({ name, counts }: QueueFacts): Fact {
  if (counts === undefined) return isUnknown('NotCounted', 'the broker was not asked yet')
  const { deadLettered } = counts
  if (deadLettered === 0) return isTrue('Empty', 'there are no dead letters')
  const what = deadLettered === 1 ? '1 message was' : `${deadLettered} messages were`
  return isFalse('DeadLetters', `${what} given up; browse stream ${deadLetterStream(name)}`)
}
