import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { SpreadLedger } from './spread-ledger.ts'

describe('SpreadLedger', () => {
  it('raises its floor as deliveries are answered without a gap', () => {
    const ledger = new SpreadLedger()
    ledger.answer(1, 10)
    ledger.answer(3, 30)
    ledger.record([
      [10, 10],
      [30, 30],
    ])
    expect(ledger.floor).toBe(10)
    ledger.answer(2, 20)
    ledger.record([[20, 20]])
    expect(ledger.floor).toBe(30)
  })
  it('keeps its floor below what was given back', () => {
    const ledger = new SpreadLedger()
    ledger.answer(1, 10)
    ledger.answer(2, 20)
    ledger.record([[20, 20]])
    expect(ledger.floor).toBe(9)
    expect(ledger.oldestUnrecorded(100, 5)).toEqual([10])
    ledger.answer(3, 10)
    ledger.record([[10, 10]])
    expect(ledger.floor).toBe(20)
  })
  it('does not take a late answer for that of a delivery that has its number after a crash', () => {
    const ledger = new SpreadLedger()
    // Before the crash: delivery 1 was message 10, 2 was 20, 3 was 30; nats-server forgot the last two.
    ledger.restart(1)
    ledger.adopt(1, 10, [10], 3)
    // Then it delivers 10 again, as 2, and 20, as 3.
    ledger.answer(2, 10)
    ledger.record([[10, 10]])
    // The consumer that was given 30 as 3 says so only now.
    ledger.answer(3, 30)
    ledger.record([[30, 30]])
    expect(ledger.floor).toBeLessThan(20)
    ledger.adopt(4, 30, [20])
    expect(ledger.floor).toBe(19)
  })
  it('does not count an answer for a message from before the lane was made', () => {
    const ledger = new SpreadLedger()
    ledger.begin(50)
    ledger.answer(1, 40)
    ledger.answer(2, 60)
    ledger.record([[60, 60]])
    expect(ledger.floor).toBe(50)
  })
})

/** A lane at nats-server: its messages have every third number of the stream. */
class Lane {
  readonly ledger = new SpreadLedger()
  readonly settled = new Set<number>()
  readonly #deliveries: number[] = []
  /** Deliveries that a consumer holds: it may answer any of them, however late. */
  readonly #held: Array<{ readonly delivery: number; readonly sequence: number }> = []
  #forgotten = 0
  #next = 0

  get #reached(): number {
    return this.#next * 3
  }

  deliver(): void {
    this.#next++
    this.#make(this.#reached)
  }

  /** A delivery that nobody answered, or one that was given back, is made again. */
  deliverAgain(random: number): void {
    const open = this.#open()
    const sequence = open[random % Math.max(1, open.length)]
    if (sequence !== undefined) this.#make(sequence)
  }

  answer(random: number, settle: boolean): void {
    const [held] = this.#held.splice(random % Math.max(1, this.#held.length), 1)
    if (held === undefined || held.sequence > this.#reached) return
    const { delivery, sequence } = held
    this.ledger.answer(delivery, sequence)
    if (!settle) return
    this.ledger.record([[sequence, sequence]])
    this.settled.add(sequence)
  }

  list(): void {
    const present = Array.from({ length: this.#next }, (_, n) => (n + 1) * 3).filter((s) => s > this.ledger.floor)
    this.ledger.adopt(this.#deliveries.length, this.#reached, present, this.#forgotten)
  }

  /** nats-server forgets its last deliveries, but not what is settled and gone. */
  crash(count: number): void {
    this.#forgotten = Math.max(this.#forgotten, this.#deliveries.length)
    const lost = this.#deliveries.splice(Math.max(0, this.#deliveries.length - count))
    for (const sequence of lost) {
      if (sequence === this.#reached && !this.settled.has(sequence)) this.#next--
    }
    this.ledger.restart(this.#deliveries.length)
    this.list()
  }

  get last(): number {
    return this.#reached
  }

  settleAll(): void {
    for (const sequence of this.#open()) {
      this.ledger.record([[sequence, sequence]])
      this.settled.add(sequence)
    }
    this.list()
  }

  #open(): number[] {
    const all = Array.from({ length: this.#next }, (_, n) => (n + 1) * 3)
    return all.filter((sequence) => !this.settled.has(sequence))
  }

  #make(sequence: number): void {
    this.#deliveries.push(sequence)
    this.#held.push({ delivery: this.#deliveries.length, sequence })
  }
}

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('deliver'), random: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('again'), random: fc.nat() }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('settle'), random: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('give back'), random: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('list'), random: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('crash'), random: fc.nat(4) }) },
)

test.prop([fc.array(step, { maxLength: 200 })], { numRuns: 2000 })(
  'the floor never passes an unsettled message, and reaches the end when all are settled',
  (steps) => {
    const lane = new Lane()
    for (const { kind, random } of steps) {
      if (kind === 'deliver') lane.deliver()
      else if (kind === 'again') lane.deliverAgain(random)
      else if (kind === 'list') lane.list()
      else if (kind === 'crash') lane.crash(random)
      else lane.answer(random, kind === 'settle')
      for (let sequence = 3; sequence <= lane.ledger.floor && sequence <= lane.last; sequence += 3) {
        expect(lane.settled.has(sequence)).toBe(true)
      }
      for (const sequence of lane.settled) expect(lane.ledger.isSettled(sequence)).toBe(true)
    }
    lane.settleAll()
    expect(lane.ledger.floor).toBeGreaterThanOrEqual(lane.last)
  },
)
