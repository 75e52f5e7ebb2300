import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { LaneFlow } from './lane-flow.ts'

const TIMEOUT = 1000
const AGES = Number.POSITIVE_INFINITY
const flowOf = (maxAckPending: number, pending = 0): LaneFlow =>
  new LaneFlow(
    { maxAckPending, visibilityTimeoutMs: TIMEOUT, maxWaitMs: AGES },
    { pending, ackPending: 0, deliveries: 0 },
    0,
  )

/** What JetStream would deliver of a lane: messages that wait, that are in flight, and that are to be delivered again. */
class Model {
  waiting = 0
  due = 0
  deliveries = 0
  readonly inFlight = new Map<number, number>()
  readonly later: number[] = []
  readonly #max: number

  constructor(max: number) {
    this.#max = max
  }

  get pending(): number {
    return this.due + this.later.length + this.inFlight.size
  }

  get ready(): number {
    if (this.#max > 1) return this.due + this.waiting
    return this.due > 0 ? 1 : this.pending > 0 ? 0 : Math.min(1, this.waiting)
  }

  deliver(now: number): void {
    if (this.due > 0) this.due--
    else this.waiting--
    this.inFlight.set(++this.deliveries, now + TIMEOUT + 20)
  }

  advance(now: number): void {
    for (const [delivery, deadline] of this.inFlight) {
      if (deadline > now) continue
      this.inFlight.delete(delivery)
      this.due++
    }
    for (let index = this.later.length - 1; index >= 0; index--) {
      if ((this.later[index] ?? 0) > now) continue
      this.later.splice(index, 1)
      this.due++
    }
  }
}

const step = fc.record({
  kind: fc.constantFrom('store', 'store', 'deliver', 'deliver', 'acknowledge', 'retry', 'extend', 'wait'),
  random: fc.nat(),
})

describe.each([1, 50_000])('LaneFlow, %d in flight', (max) => {
  test.prop([fc.array(step, { maxLength: 150 })], { numRuns: 1000 })('knows what JetStream would deliver', (steps) => {
    const flow = flowOf(max)
    const model = new Model(max)
    let now = 0
    for (const { kind, random } of steps) {
      const open = [...model.inFlight.keys()]
      const delivery = open[random % Math.max(1, open.length)]
      if (kind === 'store') {
        flow.stored(now)
        model.waiting++
      } else if (kind === 'deliver' && model.ready > 0) {
        const count = 1 + (random % Math.min(model.ready, 5))
        flow.grant(count, now)
        for (let n = 0; n < count; n++) model.deliver(now)
      } else if (kind === 'wait') {
        now += random % 700
        flow.advance(now)
        model.advance(now)
      } else if (delivery !== undefined) {
        if (kind === 'acknowledge') {
          flow.answered(delivery, now)
          flow.released()
          model.inFlight.delete(delivery)
        } else if (kind === 'retry') {
          const delay = random % 300
          flow.retried(delivery, delay, now)
          model.inFlight.delete(delivery)
          if (delay === 0) model.due++
          else model.later.push(now + delay)
        } else if (kind === 'extend') {
          flow.extended(delivery, now)
          model.inFlight.set(delivery, now + TIMEOUT + 20)
        }
      }
      expect(flow.ready).toBe(model.ready)
      expect(flow.deliveries).toBe(model.deliveries)
      const next = Math.min(Number.POSITIVE_INFINITY, ...model.later, ...model.inFlight.values())
      expect(flow.nextAt).toBe(next)
    }
    // Whatever was missed, JetStream's word puts it right.
    model.waiting += 7
    flow.correct({ pending: model.waiting, ackPending: model.pending, deliveries: model.deliveries }, flow.version, now)
    expect(flow.ready).toBe(model.ready)
  })
})

describe('a correction', () => {
  it('takes back what was granted to a client that was gone, new messages and ones to be delivered again', () => {
    const flow = flowOf(100, 3)
    flow.grant(2, 0)
    flow.retried(1, 0, 0)
    // Both of these went nowhere: the retried one, and the third.
    flow.grant(2, 0)
    expect(flow.ready).toBe(0)
    const facts = { pending: 1, ackPending: 2, deliveries: 2 }
    flow.correct(facts, flow.version, 10)
    // They may be on their way.
    expect(flow.ready).toBe(0)
    flow.correct(facts, flow.version, 1000)
    expect(flow.ready).toBe(2)
    expect(flow.deliveries).toBe(2)
  })
  it('is taken back where what it took to be lost was delivered after all', () => {
    const flow = flowOf(1, 1)
    flow.grant(1, 0)
    flow.answered(1, 0)
    flow.released()
    flow.stored(0)
    flow.grant(1, 0)
    // Counted as pending before the delivery was, and then the other way round.
    flow.correct({ pending: 1, ackPending: 1, deliveries: 1 }, flow.version, 0, true)
    expect(flow.ready).toBe(0)
    flow.retried(2, 0, 10)
    expect(flow.ready).toBe(1)
  })
  it('says nothing where something happened since it was asked for', () => {
    const flow = flowOf(100, 3)
    const { version } = flow
    flow.stored(0)
    flow.correct({ pending: 3, ackPending: 0, deliveries: 0 }, version, 0)
    expect(flow.ready).toBe(4)
  })
  it('does not lose what was stored just now and is not counted yet', () => {
    const flow = flowOf(100, 0)
    flow.stored(1000)
    flow.correct({ pending: 0, ackPending: 0, deliveries: 0 }, flow.version, 1010)
    expect(flow.ready).toBe(1)
    flow.correct({ pending: 0, ackPending: 0, deliveries: 0 }, flow.version, 2000)
    expect(flow.ready).toBe(0)
  })
  it('does not take for a delivery what was answered a moment ago and is not let go of yet', () => {
    const flow = flowOf(1, 2)
    flow.grant(1, 0)
    flow.answered(1, 10)
    flow.correct({ pending: 1, ackPending: 1, deliveries: 1 }, flow.version, 20)
    expect(flow.ready).toBe(0)
    flow.released()
    expect(flow.ready).toBe(1)
  })
  it('does not believe for long that it will be let go of', () => {
    const flow = flowOf(1, 2)
    flow.grant(1, 0)
    flow.answered(1, 10)
    flow.correct({ pending: 1, ackPending: 1, deliveries: 1 }, flow.version, 5000)
    flow.advance(5000 + 2 * TIMEOUT)
    expect(flow.ready).toBe(1)
  })
  it('says nothing where a place was let go of since it was asked for', () => {
    const flow = flowOf(1, 2)
    flow.grant(1, 0)
    flow.answered(1, 10)
    const { version } = flow
    flow.released()
    flow.correct({ pending: 1, ackPending: 1, deliveries: 1 }, version, 20)
    expect(flow.ready).toBe(1)
  })
  it('ends a message that was thought to wait and is not there', () => {
    const flow = flowOf(100, 2)
    flow.grant(2, 0)
    flow.answered(1, 0)
    flow.correct({ pending: 0, ackPending: 0, deliveries: 1 }, flow.version, 0)
    expect(flow.ready).toBe(0)
  })
})

describe('what an answer is early enough for', () => {
  it('is known of a delivery that was granted, until it is answered', () => {
    const flow = flowOf(50_000, 3)
    flow.grant(2, 100)
    expect(flow.timeLeft(1, 300)).toBe(TIMEOUT + 20 - 200)
    flow.extended(2, 600)
    expect(flow.timeLeft(2, 700)).toBe(TIMEOUT + 20 - 100)
    expect(flow.timeLeft(3, 300)).toBe(0)
    expect(flow.timeLeft(1, 5000)).toBe(0)
  })
})

describe('isEmpty', () => {
  it('is so once nothing waits, is in flight or comes again', () => {
    const flow = flowOf(50_000, 1)
    expect(flow.isEmpty).toBe(false)
    flow.grant(1, 0)
    expect(flow.isEmpty).toBe(false)
    flow.retried(1, 100, 10)
    expect(flow.isEmpty).toBe(false)
    flow.advance(200)
    expect(flow.isEmpty).toBe(false)
    flow.grant(1, 200)
    flow.answered(2, 20)
    expect(flow.isEmpty).toBe(true)
    flow.stored(300)
    expect(flow.isEmpty).toBe(false)
  })
})
