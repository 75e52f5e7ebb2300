import { JetStreamApiError } from '@nats-io/jetstream'
import type { JetStreamAccess } from './access.ts'
import { type BatchMessage, publishBatch } from './atomic-batch.ts'
import { piecesOfBatch } from './pieces-of-batch.ts'

/** What is stored whole or not at all. */
export interface Piece {
  /** Made anew each time: a try leaves headers of its own in them. */
  readonly messages: () => readonly BatchMessage[]
  /** Stores it by itself; the sequence of its last message. */
  readonly alone: () => Promise<number>
}

interface Waiting extends Piece {
  readonly count: number
  readonly bytes: number
  readonly stored: (sequence: number) => void
  readonly failed: (error: unknown) => void
}

/**
 * Has what is to be stored in one stream at the same time share an atomic batch, and so its syncs to disk: what comes while something is being
 * stored waits for that, and goes together. What is refused as part of a batch is tried by itself, so that each is refused for its own faults only.
 */
export class SharedBatches {
  readonly #js: JetStreamAccess
  #waiting: Waiting[] = []
  #isStoring = false

  constructor(js: JetStreamAccess) {
    this.#js = js
  }

  /**
   * @returns the sequence of the last message, as `alone` does
   * @throws JetStreamApiError nats-server refused it; anything else: it may be stored, now or in a moment
   */
  store(piece: Piece): Promise<number> {
    const messages = piece.messages()
    const bytes = messages.reduce((sum, { data }) => sum + data.length, 0)
    return new Promise((stored, failed) => {
      this.#waiting.push({ ...piece, count: messages.length, bytes, stored, failed })
      // After this turn of the event loop, in which more may come.
      setImmediate(() => void this.#storeAll())
    })
  }

  /** Never rejects. */
  async #storeAll(): Promise<void> {
    if (this.#isStoring) return
    this.#isStoring = true
    while (this.#waiting.length > 0) {
      const { together, taken } = piecesOfBatch(this.#waiting)
      const pieces = this.#waiting.splice(0, taken)
      await (together ? this.#together(pieces) : eachAlone(pieces))
    }
    this.#isStoring = false
  }

  async #together(pieces: readonly Waiting[]): Promise<void> {
    try {
      let sequence = await publishBatch(
        this.#js,
        pieces.flatMap(({ messages }) => messages()),
      )
      for (const { count, stored } of pieces.toReversed()) {
        stored(sequence)
        sequence -= count
      }
    } catch (error) {
      if (error instanceof JetStreamApiError) await eachAlone(pieces)
      else for (const { failed } of pieces) failed(error)
    }
  }
}

async function eachAlone(pieces: readonly Waiting[]): Promise<void> {
  await Promise.all(pieces.map(({ alone, stored, failed }) => alone().then(stored, failed)))
}
