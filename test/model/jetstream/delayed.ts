import { headerValue } from '../../../sidecar/settlement/copied-headers.ts'
import { storedHeader } from '../../../sidecar/delay/headers.ts'
import type { Stored } from './stream.ts'

/** The stream of what waits for its time, which outlives every crash. */
export class ModelDelayed {
  readonly messages = new Map<number, Stored>()
  readonly #ids = new Set<string>()
  #last = 0

  /** Whether a message ever waited. */
  get isUsed(): boolean {
    return this.#last > 0
  }

  /** The same one twice is stored once. */
  store(id: number, headers: Stored['headers'], msgID: string, at: number): void {
    if (this.#ids.has(msgID)) return
    this.#ids.add(msgID)
    const seq = ++this.#last
    this.messages.set(seq, { seq, subject: '', id, headers, at })
  }

  /** What is due the soonest; infinity: nothing waits. */
  get nextAt(): number {
    return Math.min(Number.POSITIVE_INFINITY, ...Array.from(this.messages.values(), dueOf))
  }

  due(now: number): Stored[] {
    return [...this.messages.values()]
      .filter((message) => dueOf(message) <= now)
      .toSorted((a, b) => dueOf(a) - dueOf(b))
  }
}

const dueOf = ({ headers }: Stored): number => Number(headerValue(headers, storedHeader.due))
