import type { MsgHdrs } from '@nats-io/transport-node'
import { copyOf, originalOf } from '../../../sidecar/delay/copy.ts'
import { storedHeader } from '../../../sidecar/delay/headers.ts'
import { parkedCopy } from '../../../sidecar/delay/parked-copy.ts'
import { type Parked, parseParked } from '../../../sidecar/delay/store.ts'
import { type Decision, type RetryPolicy, settle } from '../../../sidecar/settle/settle.ts'
import type { Signal } from '../../../sidecar/settle/signal.ts'
import { isLong } from '../../../sidecar/delay/parks.ts'
import type { StoredMessage } from '../../../sidecar/jetstream/stored-message.ts'
import { movesToTail } from '../../../sidecar/lanes/lanes.ts'
import { attemptsBefore, headerValue } from '../../../sidecar/settlement/copied-headers.ts'
import type { Stored } from '../jetstream/stream.ts'
import { QUEUE, type World } from '../world.ts'

/** Where messages wait out a long backoff, as sidecar/delay has it; a copy that was made before is known by the stream only. */
export class ModelParking {
  readonly #world: World

  constructor(world: World) {
    this.#world = world
  }

  /** False where it has to wait in its lane. */
  park(message: Stored, attempts: number, delayMs: number): boolean {
    const { spec, created, delayed, now } = this.#world
    const due = now + Math.round(delayMs)
    const copy = parkedCopy(asStored(message), { queue: QUEUE, spec, created, attempts, due })
    if (copy === undefined) return false
    delayed.store(message.id, entries(copy.headers), copy.msgID, now)
    return true
  }

  /** A message that may wait long, or did before, was given back: what is to be done where it is not parked. */
  givenBack(message: Stored, signal: Signal, delivered: number, policy: RetryPolicy): Decision | 'parked' | 'died' {
    const attempts = attemptsBefore(message.headers) + delivered
    const decision = settle(signal, attempts, policy, 0.5)
    const isParked =
      decision.kind === 'retry' && isLong(decision.delayMs) && this.park(message, attempts, decision.delayMs)
    if (!isParked) return decision
    return this.#world.takeFate('afterPark') ? 'died' : 'parked'
  }

  get nextAt(): number {
    return this.#world.delayed.nextAt
  }

  /**
   * Moves what is due. False where the sidecar died between a copy and the removal of its original.
   *
   * @param returned what becomes of a message that stayed in the queue's stream meanwhile
   */
  move(returned: (parked: Parked, attempts: number) => void): boolean {
    const { delayed, now, spec, created } = this.#world
    for (const message of delayed.due(now)) {
      const parked = parkedOf(message)
      if (parked !== undefined && movesToTail(spec)) returned(parked, attemptsBefore(message.headers))
      else {
        const copy = copyOf(asStored(message), QUEUE, now)
        if (copy !== undefined) {
          const headers = [
            ...entries(copy.headers),
            ['Nats-Msg-Id', `delayed:${QUEUE}:${created}:${message.seq}:${message.at}`],
          ] as const
          this.#world.copy(copy.subject, message.id, headers)
        }
        if (this.#world.takeFate('afterCopy')) return false
      }
      delayed.messages.delete(message.seq)
    }
    return true
  }

  /** Before anything may leave the queue's stream: what was copied before a crash is removed. */
  recover(): void {
    const { stream, delayed, created } = this.#world
    for (const { headers } of stream.messages.values()) {
      const original = originalOf(headerValue(headers, 'Nats-Msg-Id') ?? '', QUEUE, created)
      if (original !== undefined) delayed.messages.delete(original.sequence)
    }
  }

  /** Messages of the queue's stream that wait. */
  get parked(): Parked[] {
    return [...this.#world.delayed.messages.values()].flatMap((message) => parkedOf(message) ?? [])
  }
}

const parkedOf = ({ headers }: Stored): Parked | undefined =>
  parseParked(headerValue(headers, storedHeader.parked), headerValue(headers, storedHeader.subject))

const asStored = ({ seq, subject, headers, at }: Stored): StoredMessage => ({
  seq,
  subject,
  headers,
  time: new Date(at),
  headerBytes: 0,
  data: new Uint8Array(),
})

const entries = (headers: MsgHdrs): Array<[string, string]> =>
  headers.keys().flatMap((key) => headers.values(key).map((value): [string, string] => [key, value]))
