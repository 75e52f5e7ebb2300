import { jetstream } from '@nats-io/jetstream'
import * as fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Delivery, type Puller, type QueueInput, TestBroker, until } from './harness.ts'

// Any order of publishing, pulling, answering and crashing: what was accepted is acknowledged in the end, or a dead letter, and
// the counts add up. Several schedules run side by side on one broker, each on a Queue of its own, and their crashes hit all.

const ROUNDS = 2
const SIDE_BY_SIDE = 20
const MAX_ATTEMPTS = 3

let broker: TestBroker
let number = 0

beforeAll(async () => {
  broker = await TestBroker.start({ sidecar: 'ownProcess' })
})
afterAll(() => broker?.[Symbol.asyncDispose]())

type Answer = 'ack' | 'ackAck' | 'nak' | 'nakNow' | 'term' | 'progress' | 'nonsense'
type Step =
  | { readonly kind: 'publish' | 'pull'; readonly count: number }
  | { readonly kind: 'answer'; readonly how: Answer; readonly which: number }
  | { readonly kind: 'put' | 'stopSidecar' | 'killSidecar' | 'killServer' | 'killBoth' }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 14,
    arbitrary: fc.record({ kind: fc.constant('publish' as const), count: fc.integer({ min: 1, max: 20 }) }),
  },
  { weight: 14, arbitrary: fc.record({ kind: fc.constant('pull' as const), count: fc.integer({ min: 1, max: 15 }) }) },
  {
    weight: 28,
    arbitrary: fc.record({
      kind: fc.constant('answer' as const),
      how: fc.constantFrom<Answer[]>('ack', 'ack', 'ackAck', 'ackAck', 'nak', 'nakNow', 'term', 'progress', 'nonsense'),
      which: fc.nat(100),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        'put' as const,
        'stopSidecar' as const,
        'killSidecar' as const,
        'killServer' as const,
        'killBoth' as const,
      ),
    }),
  },
)
const schedule = fc.record({
  strict: fc.boolean(),
  steps: fc.array(step, { minLength: 10, maxLength: 25 }),
})

/** What is known of the messages of one schedule. */
class Run {
  readonly queue = `schedule${++number}`
  readonly accepted = new Set<string>()
  /** Answered for with the word that it is on record. */
  readonly confirmed = new Map<string, number>()
  /** Answered for, by an acknowledgement that may have been lost. */
  readonly acknowledged = new Set<string>()
  readonly problems: string[] = []
  #open: Delivery[] = []
  #count = 0
  readonly #spec: QueueInput
  readonly #puller: Puller
  readonly #publish: (body: string) => Promise<boolean>

  private constructor(puller: Puller, spec: QueueInput, publish: (body: string) => Promise<boolean>) {
    this.#puller = puller
    this.#spec = spec
    this.#publish = publish
  }

  static async start(strict: boolean): Promise<Run> {
    const spec: QueueInput = {
      ordering: { strict },
      retry: { visibilityTimeout: '1s', maxAttempts: MAX_ATTEMPTS, backoff: { initial: '50ms', max: '200ms' } },
    }
    const name = `schedule${number + 1}`
    await broker.api.put(name, spec)
    const js = jetstream(await broker.client(), { timeout: 2000 })
    return new Run(await broker.puller(name), spec, (body) =>
      js.publish(`q.${name}`, body).then(
        () => true,
        () => false,
      ),
    )
  }

  async take(step: Step): Promise<void> {
    switch (step.kind) {
      case 'publish':
        await Promise.all(
          Array.from({ length: step.count }, async () => {
            const body = `m${++this.#count}`
            if (await this.#publish(body)) this.accepted.add(body)
          }),
        )
        break
      case 'pull':
        await this.#pull(step.count, 50)
        break
      case 'answer':
        await this.#answer(step.how, step.which)
        break
      case 'put':
        await this.#put()
        break
      case 'stopSidecar':
      case 'killSidecar':
      case 'killServer':
      case 'killBoth':
        await crash(step.kind)
        break
      default:
        step satisfies never
    }
  }

  /** Takes and acknowledges until nothing is left and nothing in flight. */
  async finish(): Promise<void> {
    await until(
      'the queue is empty',
      async () => {
        await this.#pull(100, 100)
        await Promise.all(this.#open.splice(0).map((message) => this.#acknowledge(message)))
        const { status } = await broker.api.request('GET', `/queues/${this.queue}`)
        if (status !== 200) return false
        const { ready, inFlight } = (await broker.api.get(this.queue)).messages
        return ready + inFlight === 0 && (await broker.admin.stream(this.queue)).state.messages === 0
      },
      60_000,
    )
  }

  /** While a crash of another schedule goes on there may be nobody to answer. */
  async #put(): Promise<void> {
    await broker.api.tryPut(this.queue, this.#spec).then(
      ({ status, text }) => expect(status === 200 || status === 503 ? '' : `${status} ${text}`).toBe(''),
      () => undefined,
    )
  }

  async #acknowledge(message: Delivery): Promise<void> {
    this.acknowledged.add(message.text)
    const answer = await message.settle('+ACK', 1000).catch(() => undefined)
    if (answer === '') this.confirmed.set(message.text, performance.now())
  }

  async #pull(count: number, expiresMs: number): Promise<void> {
    for (const message of await this.#puller.fetch(count, expiresMs)) {
      const confirmed = this.confirmed.get(message.text)
      if (confirmed !== undefined && message.at > confirmed) {
        this.problems.push(
          `${message.text} came again ${message.at - confirmed} ms after it was on record, attempt ${message.attempt}`,
        )
      }
      if (message.attempt > MAX_ATTEMPTS) this.problems.push(`${message.text} came for the ${message.attempt}th time`)
      this.#open.push(message)
    }
  }

  async #answer(how: Answer, which: number): Promise<void> {
    const [message] = this.#open.splice(which % Math.max(1, this.#open.length), 1)
    if (message === undefined) return
    if (how === 'ackAck') return this.#acknowledge(message)
    if (how === 'ack') this.acknowledged.add(message.text)
    if (how === 'progress') this.#open.push(message)
    message.answer(BODIES[how])
  }
}

const BODIES: Readonly<Record<Exclude<Answer, 'ackAck'>, string>> = {
  ack: '+ACK',
  nak: '-NAK',
  nakNow: '-NAK {"delay":0}',
  term: '+TERM',
  progress: '+WPI',
  nonsense: 'nonsense',
}

let crashing: Promise<void> = Promise.resolve()

/** One crash at a time, each over when the sidecar is ready again. */
function crash(what: 'stopSidecar' | 'killSidecar' | 'killServer' | 'killBoth'): Promise<void> {
  crashing = crashing.then(async () => {
    if (what === 'stopSidecar') expect(await broker.sidecar.stop()).toBe(0)
    if (what === 'killSidecar') await broker.sidecar.kill()
    if (what === 'killServer') await broker.nats.crash()
    if (what === 'killBoth') await Promise.all([broker.nats.crash(), broker.sidecar.kill()])
    await Promise.all([
      ...(what === 'stopSidecar' || what === 'killServer' ? [] : [broker.sidecar.start()]),
      ...(what === 'killServer' || what === 'killBoth' ? [broker.nats.start()] : []),
    ])
    if (what === 'stopSidecar') await broker.sidecar.start()
    await broker.ready()
  })
  return crashing
}

/** What is not as it has to be once everything is over; empty when all is well. */
async function check(run: Run): Promise<object> {
  const { queue } = run
  const letters = await broker.admin.deadLetters(queue)
  const dead = new Set(letters.map(({ text }) => text))
  const { state } = await broker.admin.stream(queue)
  const onRecord = await broker.admin.onRecord(queue)
  const { messages } = await broker.api.get(queue)
  return {
    problems: run.problems,
    lost: [...run.accepted].filter((text) => !run.acknowledged.has(text) && !dead.has(text)),
    // A move is made once.
    movedTwice: letters.length - new Set(letters.map(({ headers }) => headers['Nats-Msg-Id'])).size,
    // Everything that was ever stored has an end on record.
    withoutEnd: Array.from({ length: state.last_seq }, (_, index) => index + 1).filter((s) => !onRecord(s)),
    unrecorded: await broker.api.metric('pillion_queue_unrecorded_messages', { queue }),
    countedAndStored: [await broker.api.metric('pillion_queue_published_total', { queue }), messages.deadLettered],
    stored: [state.last_seq, letters.length],
  }
}

it('nothing that was accepted is lost, whatever happens', async () => {
  const schedules = fc.array(schedule, { minLength: SIDE_BY_SIDE, maxLength: SIDE_BY_SIDE })
  const property = fc.asyncProperty(schedules, async (all) => {
    const runs: Run[] = []
    for (const { strict } of all) runs.push(await Run.start(strict))
    await Promise.all(
      runs.map(async (run, index) => {
        for (const step of all[index]?.steps ?? []) await run.take(step)
      }),
    )
    await crashing
    await Promise.all(runs.map((run) => run.finish()))
    for (const run of runs) {
      const { state } = await broker.admin.stream(run.queue)
      const letters = (await broker.admin.stream(`${run.queue}_dlq`)).state.messages
      expect(await check(run)).toEqual({
        problems: [],
        lost: [],
        movedTwice: 0,
        withoutEnd: [],
        unrecorded: 0,
        countedAndStored: [state.last_seq, letters],
        stored: [state.last_seq, letters],
      })
      expect(await broker.api.delete(run.queue, 'Delete')).toMatchObject({ status: 200 })
    }
  })
  await fc.assert(property, { numRuns: ROUNDS, endOnFailure: true })
}, 300_000)

it('the ledger balances: published is acknowledged, dead-lettered, dropped and left', async () => {
  const run = await Run.start(false)
  const queue = run.queue
  // No crash of the sidecar here, which counts from zero when it starts.
  const steps: Step[] = [
    { kind: 'publish', count: 100 },
    { kind: 'pull', count: 60 },
    ...Array.from(
      { length: 40 },
      (_, index): Step => ({ kind: 'answer', how: index % 4 === 0 ? 'term' : 'ack', which: index }),
    ),
    { kind: 'killServer' },
    { kind: 'publish', count: 50 },
    { kind: 'pull', count: 40 },
    ...Array.from(
      { length: 30 },
      (_, index): Step => ({ kind: 'answer', how: index % 3 === 0 ? 'nak' : 'ackAck', which: index }),
    ),
    { kind: 'put' },
  ]
  for (const step of steps) await run.take(step)
  await run.finish()
  const sum = async (name: string): Promise<number> =>
    (await broker.api.metrics())
      .filter((sample) => sample.name === `pillion_queue_${name}` && sample.labels['queue'] === queue)
      .reduce((total, { value }) => total + value, 0)
  expect(await sum('published_total')).toBe(150)
  expect((await sum('acknowledged_total')) + (await sum('dead_lettered_total')) + (await sum('dropped_total'))).toBe(
    150,
  )
  expect(await sum('dead_lettered_total')).toBe((await broker.admin.deadLetters(queue)).length)
  expect(await sum('dropped_total')).toBe(0)
})
