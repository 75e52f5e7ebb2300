import type { Arrival, Judge, OrderCheck } from './order-check.ts'

/** A delivery in a test, its particulars where they matter. */
export type Given = Partial<Arrival> & { readonly streamSequence: number }

/** Fills in the rest: the message that was stored as the so manyth, of the one producer, delivered once. */
export const arrival = (given: Given): Arrival => ({
  producer: 0,
  number: given.streamSequence - 1,
  attempt: 1,
  index: given.streamSequence - 1,
  route: 0,
  first: true,
  republished: false,
  ...given,
})

/** Tells a check what consumers see, on a clock that goes on by one with each event. */
export class History {
  now = 1000
  readonly #check: OrderCheck

  constructor(check: OrderCheck) {
    this.#check = check
  }

  /** As many messages were published and stored, in order. */
  stored(count: number): void {
    for (let index = 0; index < count; index++) {
      this.#check.sent?.(index, ++this.now)
      this.#check.stored?.(index, index + 1, ++this.now)
    }
  }

  /** A pull is sent; what it returns is told of what the pull brings. */
  pull(consumer = 0): Judge {
    return this.#check.pulled(consumer, ++this.now)
  }

  brings(judge: Judge, given: Given): Arrival {
    const brought = arrival(given)
    judge(brought, ++this.now)
    return brought
  }

  /** Pull and delivery, answered at once unless told. */
  delivers(given: Given, { consumer = 0, answer = true } = {}): Arrival {
    const brought = this.brings(this.pull(consumer), given)
    if (answer) this.answers(brought, consumer)
    return brought
  }

  answers(brought: Arrival, consumer = 0): void {
    this.#check.answered?.(consumer, brought, ++this.now)
  }

  get violations(): number {
    return this.#check.counts().orderViolations
  }
  get checked(): number {
    return this.#check.counts().orderChecked
  }
}
