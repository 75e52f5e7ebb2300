import { fc, test } from '@fast-check/vitest'
import { expect } from 'vitest'
import { Heap } from './heap.ts'
import { slotOf, slotStart } from './slot.ts'
import { LOOKAHEAD_MS, MAX_KNOWN, type Upcoming, UpcomingMessages } from './upcoming.ts'

test.prop([fc.array(fc.integer())])('a heap gives back what it was given, in order', (numbers) => {
  const heap = new Heap<number>((a, b) => a < b)
  for (const number of numbers) heap.push(number)
  expect(numbers.map(() => heap.pop())).toEqual(numbers.toSorted((a, b) => a - b))
  expect(heap.pop()).toBeUndefined()
})

/** A stream, and what looks after it as the mover does. */
class World {
  readonly upcoming = new UpcomingMessages()
  readonly stored = new Map<number, number>()
  readonly moved: Array<{ due: number; sequence: number; at: number }> = []
  now = Date.parse('2026-11-26T12:59:50Z')
  #sequence = 0

  publish(due: number, isAnswered = true): void {
    this.upcoming.arriving(due)
    this.stored.set(++this.#sequence, due)
    if (isAnswered) this.upcoming.stored(due, this.#sequence)
    else this.upcoming.maybeStored(due)
  }

  /** Messages that are stored as one, and one of somebody else's before or after them; who was stored first is told of last or first. */
  publishBatch(dues: readonly number[], other: number, isBefore: boolean, isToldFirst: boolean): void {
    for (const due of [...dues, other]) this.upcoming.arriving(due)
    const store = (due: number): number => {
      this.stored.set(++this.#sequence, due)
      return this.#sequence
    }
    const before = isBefore ? store(other) : undefined
    const batch = dues.map((due) => ({ due, sequence: store(due) }))
    const single = before ?? store(other)
    if (isToldFirst) this.upcoming.stored(other, single)
    for (const { due, sequence } of batch) this.upcoming.storedInBatch(due, sequence)
    if (!isToldFirst) this.upcoming.stored(other, single)
  }

  cancel(which: number): void {
    const all = [...this.stored.keys()]
    if (all.length > 0) this.stored.delete(all[which % all.length] ?? 0)
  }

  list(): void {
    const hour = UpcomingMessages.wantedHour(this.now)
    this.upcoming.listing(hour)
    const slots = new Set([...this.stored.values()].map(slotOf))
    this.upcoming.listed([...slots].filter((slot) => Math.floor(slot / 3600) <= hour))
    this.upcoming.listingDone()
  }

  /** One look-up, with what is published meanwhile; false when there is none to make. */
  lookUp(limit: number, meanwhile: (slot: number) => void): boolean {
    const next = this.upcoming.next(this.now)
    if (next === undefined) return false
    this.upcoming.lookingUp(next.slot)
    const all = [...this.stored]
      .filter(([sequence, due]) => slotOf(due) === next.slot && sequence > next.after)
      .map(([sequence, due]) => ({ sequence, due }))
    meanwhile(next.slot)
    const found = all.slice(0, Math.min(limit, next.limit))
    this.upcoming.found(next.slot, found, found.length === all.length)
    return true
  }

  move(count: number, refuse: boolean): boolean {
    const taken = this.upcoming.take(this.now, count)
    const ended: Upcoming[] = []
    for (const message of taken) {
      if (refuse) this.upcoming.refused(message, this.now + 100)
      else ended.push(message)
    }
    for (const message of ended) {
      const due = this.stored.get(message.sequence)
      if (due !== undefined) this.moved.push({ due, sequence: message.sequence, at: this.now })
      this.upcoming.done(message)
    }
    for (const [slot, messages] of Map.groupBy(ended, (message) => message.slot)) {
      const through = this.upcoming.doneThrough(slot)
      if (through === undefined) for (const { sequence } of messages) this.stored.delete(sequence)
      else this.#purge(slot, through)
      this.upcoming.release(slot)
    }
    return taken.length > 0 && !refuse
  }

  /** Takes all up to a sequence, so each of them has to have been moved. */
  #purge(slot: number, through: number): void {
    const moved = this.moved.map(({ sequence }) => sequence)
    for (const [sequence, due] of this.stored) {
      if (slotOf(due) !== slot || sequence > through) continue
      expect(moved).toContain(sequence)
      this.stored.delete(sequence)
    }
  }

  settle(): void {
    while (this.move(7, false) || this.lookUp(5, () => undefined)) continue
  }
}

type Step =
  | { readonly kind: 'publish'; readonly inMs: number }
  | { readonly kind: 'publishUnanswered'; readonly inMs: number }
  | {
      readonly kind: 'publishBatch'
      readonly inMs: number[]
      readonly other: number
      readonly isBefore: boolean
      readonly isToldFirst: boolean
    }
  | { readonly kind: 'cancel'; readonly which: number }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'list' }
  | { readonly kind: 'lookUp'; readonly limit: number; readonly inMs: number }
  | { readonly kind: 'move'; readonly count: number; readonly refuse: boolean }

const inMs = fc.oneof({ weight: 3, arbitrary: fc.nat(1500) }, fc.nat(30_000), fc.nat(7_200_000))
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('publish' as const), inMs }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('publishUnanswered' as const), inMs }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('publishBatch' as const),
      inMs: fc.array(inMs, { minLength: 1, maxLength: 3 }),
      other: inMs,
      isBefore: fc.boolean(),
      isToldFirst: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cancel' as const), which: fc.nat(100) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(3000) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('list' as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('lookUp' as const), limit: fc.integer({ min: 1, max: 5 }), inMs }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('move' as const),
      count: fc.integer({ min: 1, max: 5 }),
      refuse: fc.boolean(),
    }),
  },
)

test.prop([fc.array(step, { maxLength: 80 })], { numRuns: 500 })(
  'each message is moved once, not before it is due, whatever is stored, listed and refused in between',
  (steps) => {
    const world = new World()
    world.list()
    for (const one of steps) {
      if (one.kind === 'publish') world.publish(world.now + one.inMs)
      else if (one.kind === 'publishUnanswered') world.publish(world.now + one.inMs, false)
      else if (one.kind === 'publishBatch') {
        const dues = one.inMs.map((ms) => world.now + ms)
        world.publishBatch(dues, world.now + one.other, one.isBefore, one.isToldFirst)
      } else if (one.kind === 'cancel') world.cancel(one.which)
      else if (one.kind === 'wait') world.now += one.ms
      else if (one.kind === 'list') world.list()
      else if (one.kind === 'lookUp')
        world.lookUp(one.limit, (slot) => world.publish(Math.max(world.now, slotStart(slot) + one.inMs)))
      else world.move(one.count, one.refuse)
    }
    const left = new Set(world.stored.keys())
    for (let hours = 0; hours < 4; hours++) {
      world.list()
      world.settle()
      world.now += 3_600_000
    }
    world.list()
    world.settle()
    expect(world.stored.size).toBe(0)
    const moved = world.moved.map(({ sequence }) => sequence)
    expect(new Set(moved).size).toBe(moved.length)
    for (const sequence of left) expect(moved).toContain(sequence)
    for (const { due, at } of world.moved) expect(at).toBeGreaterThanOrEqual(due)
    // Nothing is left to do, and nothing is kept.
    expect(world.upcoming.size).toBe(0)
    expect(world.upcoming.next(world.now)).toBeUndefined()
  },
)

test('knows no more messages than it may, and the rest once there is room', () => {
  const world = new World()
  world.list()
  const due = world.now + 1000
  for (let n = 0; n < MAX_KNOWN + 1000; n++) world.publish(due)
  expect(world.upcoming.size).toBe(MAX_KNOWN)
  expect(world.upcoming.next(world.now)).toBeUndefined()
  const taken = world.upcoming.take(due, 500)
  for (const message of taken) world.upcoming.done(message)
  expect(world.upcoming.next(world.now)).toMatchObject({ slot: slotOf(due), after: MAX_KNOWN, limit: 500 })
})

test('says when there is something to do', () => {
  const world = new World()
  world.list()
  const nextHour = Date.parse('2026-11-26T13:00:00Z')
  expect(world.upcoming.nextAt()).toBe(nextHour - LOOKAHEAD_MS)
  world.publish(world.now + 1234)
  expect(world.upcoming.nextAt()).toBe(world.now + 1234)
})
