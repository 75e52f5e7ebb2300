import type { Logger } from 'pino'
import type { Queues } from './content.ts'
import type { OpenTransactions } from './open-transactions.ts'

/** Between two looks at what is held. Milliseconds. */
const HOLD_MS = 100
/** Between two looks at transactions that are not at their end. Milliseconds. */
const LOOK_MS = 2000
/** Between two looks at what ended transactions left. Milliseconds. */
const SWEEP_MS = 60_000

/** Looks, again and again, after transactions that are not at their end, and what is left of those that are. */
export class Upkeep {
  readonly #open: OpenTransactions
  readonly #queues: Queues
  readonly #logger: Logger
  #timer: NodeJS.Timeout | undefined
  #looked = 0
  /** Monotonic milliseconds. */
  #sweptAt = Number.NEGATIVE_INFINITY
  #isLooking = false

  constructor(open: OpenTransactions, queues: Queues, logger: Logger) {
    this.#open = open
    this.#queues = queues
    this.#logger = logger
  }

  start(): void {
    this.#timer = setInterval(() => this.#tick(), HOLD_MS)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** What ended transactions left is looked for at the next look. */
  sweepSoon(): void {
    this.#sweptAt = Number.NEGATIVE_INFINITY
  }

  #tick(): void {
    const now = performance.now()
    for (const queue of this.#queues.values()) queue.heldAcks.extend(now)
    if (this.#isLooking || now - this.#looked < LOOK_MS) return
    this.#looked = now
    this.#isLooking = true
    void this.#look().finally(() => {
      this.#isLooking = false
    })
  }

  async #look(): Promise<void> {
    if (this.#sweptAt + SWEEP_MS < performance.now()) {
      this.#sweptAt = performance.now()
      await this.#sweep().catch((error: unknown) => {
        this.sweepSoon()
        this.#logger.debug({ err: error }, 'could not look for what ended transactions left; trying again')
      })
    }
    for (const entry of this.#open.values()) await this.#open.goOn(entry, () => this.#open.tick(entry))
  }

  /** Removes what ended transactions left, or a nats-server that was killed brought back: it forgets what was removed just before. */
  async #sweep(): Promise<void> {
    const { log } = this.#open
    const ended: string[] = []
    for (const id of await log.ids())
      if (this.#open.get(id) === undefined && (await log.ended(id)) !== undefined) ended.push(id)
    await log.clear(ended)
  }
}
