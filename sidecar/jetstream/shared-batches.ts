import { JetStreamApiError } from '@nats-io/jetstream'
import type { JetStreamAccess } from './access.ts'
import { type BatchMessage, publishBatch } from './atomic-batch.ts'
import { piecesOfBatch } from './pieces-of-batch.ts'

/** What is stored next to each other. */
export interface Piece {
  /** Made anew each time: a try leaves headers of its own in them. */
  readonly messages: () => readonly BatchMessage[]
  /** Whether, by itself, it may be stored one after the other, which takes fewer syncs than a batch of few; else whole or not at all. */
  readonly inOrder?: true
}

interface Waiting extends Piece {
  /** For the first try. */
  readonly made: readonly BatchMessage[]
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
   * @returns the sequence of the last message
   * @throws JetStreamApiError nats-server refused it; anything else: it may be stored, now or in a moment
   */
  store(piece: Piece): Promise<number> {
    const made = piece.messages()
    const bytes = made.reduce((sum, { data }) => sum + data.length, 0)
    return new Promise((stored, failed) => {
      this.#waiting.push({ ...piece, made, count: made.length, bytes, stored, failed })
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
      await (together ? this.#together(pieces) : this.#eachAlone(pieces, ({ made }) => made))
    }
    this.#isStoring = false
  }

  async #together(pieces: readonly Waiting[]): Promise<void> {
    try {
      let sequence = await publishBatch(
        this.#js,
        pieces.flatMap(({ made }) => made),
      )
      for (const { count, stored } of pieces.toReversed()) {
        stored(sequence)
        sequence -= count
      }
    } catch (error) {
      if (error instanceof JetStreamApiError) await this.#eachAlone(pieces, ({ messages }) => messages())
      else for (const { failed } of pieces) failed(error)
    }
  }

  async #eachAlone(pieces: readonly Waiting[], messagesOf: (piece: Waiting) => readonly BatchMessage[]): Promise<void> {
    const alone = (piece: Waiting): Promise<number> =>
      piece.inOrder ? this.#inOrder(messagesOf(piece)) : publishBatch(this.#js, messagesOf(piece))
    await Promise.all(pieces.map((piece) => alone(piece).then(piece.stored, piece.failed)))
  }

  async #inOrder(messages: readonly BatchMessage[]): Promise<number> {
    let last = 0
    for (const message of messages) last = await publishBatch(this.#js, [message])
    return last
  }
}
