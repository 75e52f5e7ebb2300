import { queueStream } from '../../crds/protocol/subjects.ts'
import { type StoredMessage, storedMessage } from '../jetstream/stored-message.ts'
import type { LaneState, Outcome } from './lane-state.ts'
import { openLanes } from './open-lanes.ts'
import type { QueueState } from './state.ts'
import { takeOut } from './take-out.ts'

/** What somebody who operates a Queue does to the messages that wait in it. */
export interface Hands {
  readonly isPaused: boolean
  /** Whether a message was given to nobody yet, and is not at its end. */
  readonly isWaiting: (message: StoredMessage) => boolean
  /** Puts the end of those that wait on record, and takes them out; how many that were. */
  readonly end: (messages: readonly StoredMessage[], outcome: Outcome) => Promise<number>
  /** The same by their numbers, given to somebody or not; what is gone is passed over. */
  readonly endOf: (sequences: readonly number[], outcome: Outcome) => Promise<void>
}

export function hands(q: QueueState): Hands {
  const isWaiting = (message: StoredMessage): boolean => {
    const open = openLanes(q, message)
    return open.length > 0 && open.every(({ ledger }) => message.seq > ledger.delivered)
  }
  return {
    isPaused: q.spec.paused,
    isWaiting,
    end: async (messages, outcome) => {
      const waiting = messages.filter(isWaiting)
      await endAll(q, waiting, outcome)
      return waiting.length
    },
    endOf: async (sequences, outcome) => {
      const messages: StoredMessage[] = []
      for (const sequence of sequences) {
        const message = await storedMessage(q.js, queueStream(q.name), sequence)
        if (message !== undefined) messages.push(message)
      }
      await endAll(q, messages, outcome)
    },
  }
}

async function endAll(q: QueueState, messages: readonly StoredMessage[], outcome: Outcome): Promise<void> {
  if (messages.length === 0) return
  for (const message of messages) for (const lane of openLanes(q, message)) endIn(q, lane, message.seq, outcome)
  await takeOut(
    q,
    messages.map(({ seq }) => seq),
  )
}

function endIn(q: QueueState, lane: LaneState, sequence: number, outcome: Outcome): void {
  lane.moving.add(sequence)
  q.settler.end(lane, sequence, outcome)
}
