import { Heap } from './heap.ts'
import { hourOf, slotOf, slotStart } from './slot.ts'

/** A slot's messages are looked up so long before it begins. Milliseconds. */
export const LOOKAHEAD_MS = 2000
/** Messages that are known one by one at most, whatever the number that wait. */
export const MAX_KNOWN = 20_000

/** A message that is due soon. */
export interface Upcoming {
  readonly sequence: number
  readonly slot: number
  /** Milliseconds since 1970. */
  readonly due: number
  /** When it is tried, which is later than `due` after it was refused. */
  readonly at: number
}

interface Slot {
  /** Its messages up to this sequence are known, or done with. */
  cursor: number
  /** Known and not done with. */
  open: number
  /** The highest sequence that may not be known yet; 0: none. Infinity: it is not known which. */
  unknown: number
  /** Publishes to it that are on their way. */
  arriving: number
  /** Whether one of them may have been stored without a word: below `cursor` there may be one that is not known. */
  isDoubtful: boolean
}

const newSlot = (cursor: number, unknown: number): Slot => ({
  cursor,
  open: 0,
  unknown,
  arriving: 0,
  isDoubtful: false,
})

/**
 * What is due soon, of any number of messages: the slots of the hour and the messages of the next seconds, and no more of those
 * than `MAX_KNOWN`. Says what to look up next, and when. Pure but for the calls that tell it; milliseconds since 1970.
 */
export class UpcomingMessages {
  readonly #slots = new Map<number, Slot>()
  readonly #known = new Heap<Upcoming>((a, b) => a.at < b.at || (a.at === b.at && a.sequence < b.sequence))
  /** Slots of this hour and of those before are known. */
  #hour = Number.NEGATIVE_INFINITY
  /** Whether slots are being listed, so that one that appears may have messages from before. */
  #isListing = true

  /** The hour up to which slots have to be listed. */
  static wantedHour(now: number): number {
    return hourOf(slotOf(now + LOOKAHEAD_MS))
  }

  get hour(): number {
    return this.#hour
  }

  get size(): number {
    return this.#known.size
  }

  /** Slots up to `hour` are about to be listed: what is stored from here on may not be among them. */
  listing(hour: number): void {
    this.#hour = Math.max(this.#hour, hour)
    this.#isListing = true
  }

  listingDone(): void {
    this.#isListing = false
  }

  /** These slots have messages that may not be known. */
  listed(slots: Iterable<number>): void {
    for (const slot of slots) {
      const known = this.#slots.get(slot)
      if (known === undefined) this.#slots.set(slot, newSlot(0, Number.POSITIVE_INFINITY))
      else if (known.open === 0 && known.unknown === 0) known.unknown = Number.POSITIVE_INFINITY
    }
  }

  /** A message is about to be stored; `stored` or `maybeStored` follows. */
  arriving(due: number): void {
    const slot = slotOf(due)
    if (hourOf(slot) > this.#hour) return
    const state = this.#slots.get(slot) ?? newSlot(0, this.#isListing ? Number.POSITIVE_INFINITY : 0)
    this.#slots.set(slot, state)
    state.arriving++
  }

  /** It was not stored, or nobody knows. */
  maybeStored(due: number): void {
    const slot = slotOf(due)
    const state = this.#slots.get(slot)
    if (state === undefined) return
    state.arriving = Math.max(0, state.arriving - 1)
    state.isDoubtful = true
    this.release(slot)
  }

  /** It was stored. Told in the order of sequences, but for `storedInBatch`. */
  stored(due: number, sequence: number): void {
    const slot = slotOf(due)
    if (hourOf(slot) > this.#hour) return
    const state = this.#slots.get(slot) ?? newSlot(0, this.#isListing ? Number.POSITIVE_INFINITY : 0)
    this.#slots.set(slot, state)
    state.arriving = Math.max(0, state.arriving - 1)
    if (sequence <= state.cursor) return
    if (state.unknown > 0 || this.#known.size >= MAX_KNOWN) {
      state.unknown = Math.max(state.unknown, sequence)
      return
    }
    this.#learn(slot, state, { sequence, due })
  }

  /** It was stored, with others as a batch: told out of turn it may be, so its slot is looked up again when nothing of it is known any more. */
  storedInBatch(due: number, sequence: number): void {
    this.stored(due, sequence)
    const slot = slotOf(due)
    const state = this.#slots.get(slot)
    if (state === undefined) return
    state.isDoubtful = true
    this.release(slot)
  }

  /** The slot whose messages are to be looked up next, above `after`, and how many at most. */
  next(now: number): { readonly slot: number; readonly after: number; readonly limit: number } | undefined {
    if (this.#known.size >= MAX_KNOWN) return undefined
    const slot = this.#earliestUnknown()
    if (slot === undefined || slotStart(slot) > now + LOOKAHEAD_MS) return undefined
    return { slot, after: this.#slots.get(slot)?.cursor ?? 0, limit: MAX_KNOWN - this.#known.size }
  }

  /** The look-up of `slot` begins: what is stored from here on may not be in its result. */
  lookingUp(slot: number): void {
    const state = this.#slots.get(slot)
    // So that `stored` goes on to leave them to a further look-up.
    if (state !== undefined) state.unknown = Number.MIN_VALUE
  }

  /** What a look-up found, in the order of sequences; `complete`: there was no more. */
  found(slot: number, messages: ReadonlyArray<{ sequence: number; due: number }>, complete: boolean): void {
    const state = this.#slots.get(slot)
    if (state === undefined) return
    for (const message of messages) if (message.sequence > state.cursor) this.#learn(slot, state, message)
    const isBehind = state.unknown >= 1 && state.unknown > state.cursor
    if (!complete) state.unknown = Number.POSITIVE_INFINITY
    else if (!isBehind) state.unknown = 0
    this.#forget(slot, state)
  }

  /** The look-up failed. */
  notFound(slot: number): void {
    const state = this.#slots.get(slot)
    if (state !== undefined) state.unknown = Number.POSITIVE_INFINITY
  }

  /** Takes up to `count` messages that are to be tried now; each has to come back by `done` or `refused`. */
  take(now: number, count: number): Upcoming[] {
    const taken: Upcoming[] = []
    while (taken.length < count) {
      const { first } = this.#known
      if (first === undefined || first.at > now) break
      this.#known.pop()
      taken.push(first)
    }
    return taken
  }

  /** It is to be tried again at `at`. */
  refused(message: Upcoming, at: number): void {
    this.#known.push({ ...message, at })
  }

  /** It was moved, or is gone. */
  done({ slot }: Upcoming): void {
    const state = this.#slots.get(slot)
    if (state !== undefined) state.open--
  }

  /** Up to which sequence a slot's messages are all done with; undefined while one that is known is not. */
  doneThrough(slot: number): number | undefined {
    const state = this.#slots.get(slot)
    if (state === undefined || state.isDoubtful) return undefined
    return state.open + state.arriving > 0 ? undefined : state.cursor
  }

  /** Lets go of a slot of which nothing is left. */
  release(slot: number): void {
    const state = this.#slots.get(slot)
    if (state !== undefined) this.#forget(slot, state)
  }

  /** When there is something to do next: to list, to look up or to try. Infinity: never, as far as is known. */
  nextAt(): number {
    const slot = this.#known.size >= MAX_KNOWN ? undefined : this.#earliestUnknown()
    const list = slotStart((this.#hour + 1) * 3600) - LOOKAHEAD_MS
    const lookUp = slot === undefined ? Number.POSITIVE_INFINITY : slotStart(slot) - LOOKAHEAD_MS
    return Math.min(this.#known.first?.at ?? Number.POSITIVE_INFINITY, lookUp, list)
  }

  #learn(slot: number, state: Slot, { sequence, due }: { sequence: number; due: number }): void {
    state.cursor = sequence
    state.open++
    this.#known.push({ sequence, slot, due, at: due })
  }

  #earliestUnknown(): number | undefined {
    let earliest: number | undefined
    for (const [slot, { unknown }] of this.#slots) {
      if (unknown > 0 && (earliest === undefined || slot < earliest)) earliest = slot
    }
    return earliest
  }

  #forget(slot: number, state: Slot): void {
    if (state.open + state.arriving > 0) return
    if (state.isDoubtful) {
      // What was known is removed, so that what is there now is what was not.
      state.isDoubtful = false
      state.cursor = 0
      state.unknown = Number.POSITIVE_INFINITY
    } else if (state.unknown === 0) this.#slots.delete(slot)
  }
}
