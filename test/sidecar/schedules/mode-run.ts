import { setImmediate as immediate, setTimeout as delay } from 'node:timers/promises'
import type { Consumer, JetStreamClient, JsMsg } from '@nats-io/jetstream'
import type { Mode } from '../../model/modes.ts'
import type { Step } from '../../model/schedule.ts'
import type { TestBroker } from '../harness.ts'
import { until } from '../harness/wait.ts'
import { Told } from './told.ts'

/** The shortest that a stock client lets a pull wait. Milliseconds. */
const PULL_MS = 1000
const ANSWER_MS = 2000
/** Holes that no hint told of are waited for, and all schedules share two cores. Milliseconds. */
const DRAIN_MS = 90_000
const POLL_MS = 200

/** One schedule on a Queue of its own, by a stock client. */
export class ModeRun {
  readonly queue: string
  readonly told: Told
  readonly #broker: TestBroker
  readonly #mode: Mode
  readonly #js: JetStreamClient
  readonly #consumer: Consumer
  readonly #pulls: Array<Promise<void>> = []
  #held: JsMsg[] = []
  #ids = 0

  private constructor(broker: TestBroker, mode: Mode, queue: string, js: JetStreamClient, consumer: Consumer) {
    this.#broker = broker
    this.#mode = mode
    this.queue = queue
    this.#js = js
    this.#consumer = consumer
    this.told = new Told(mode)
  }

  /** @param isSmall whether settled messages leave the stream at once, as they do where it is near its limits */
  static async start(
    broker: TestBroker,
    mode: Mode,
    js: JetStreamClient,
    queue: string,
    isSmall: boolean,
  ): Promise<ModeRun> {
    const limits = { retention: { maxBytes: isSmall ? '1Mi' : '17Mi' }, deadLetter: { maxBytes: '1Mi' } }
    await broker.api.put(queue, { ...mode.input, ...limits })
    return new ModeRun(broker, mode, queue, js, await js.consumers.get(queue, 'workers'))
  }

  async take({ kind, random }: Step): Promise<void> {
    switch (kind) {
      case 'publish':
        return this.#publish(random)
      case 'pull':
        this.#pulls.push(this.#pull(1 + (random % 7)))
        return delay(random % 30)
      case 'ack':
        return this.#answer(random, (message) => message.ack(), 'ack')
      case 'nak':
        return this.#answer(random, (message) => message.nak(), 'nak')
      case 'nakLater':
        return this.#answer(random, (message) => message.nak(random % 400), 'nak')
      case 'term':
        return this.#answer(random, (message) => message.term(), 'term')
      case 'ackTold':
        return this.#acknowledge(this.#remove(random))
      case 'ackAll':
        await Promise.all(this.#held.splice(0).map((message) => this.#acknowledge(message)))
        return
      case 'progress':
        return this.#held[random % Math.max(1, this.#held.length)]?.working()
      case 'drop':
        this.#remove(random)
        return
      case 'vanish':
        this.#held = []
        return
      case 'wait':
        return delay(random % 60)
      case 'waitLong':
        return delay(random % 1300)
      case 'nakLong':
      case 'waitOut':
        throw new Error(`${kind} takes too long`)
      case 'killSidecar':
      case 'stopSidecar':
      case 'killServer':
        throw new Error(`${kind} concerns every queue of the broker`)
      default:
        return kind satisfies never
    }
  }

  /** Takes and acknowledges until nothing is left and nothing is in flight. */
  async drain(): Promise<void> {
    await until(
      `${this.queue} is empty`,
      async () => {
        if (await this.#isEmpty()) return true
        await this.#pull(20)
        await Promise.all(this.#held.splice(0).map((message) => this.#acknowledge(message)))
        await delay(POLL_MS)
        return false
      },
      DRAIN_MS,
    )
    await Promise.all(this.#pulls)
  }

  /** What is not as it has to be; empty when all is well. */
  async problems(): Promise<string[]> {
    const letters = await this.#broker.admin.deadLetters(this.queue)
    const { num_pending, num_ack_pending } = await this.#consumer.info()
    const { messages } = await this.#broker.api.get(this.queue)
    const problems = this.told.problems(letters.map(({ text }) => text))
    if (num_pending + num_ack_pending > 0)
      problems.push(`info says ${num_pending} pending, ${num_ack_pending} in flight`)
    if (messages.deadLettered !== letters.length)
      problems.push(`${messages.deadLettered} dead letters are counted, ${letters.length} are there`)
    return problems
  }

  async #isEmpty(): Promise<boolean> {
    const { status } = await this.#broker.api.request('GET', `/queues/${this.queue}`)
    if (status !== 200) return false
    const { ready, inFlight } = (await this.#broker.api.get(this.queue)).messages
    return ready + inFlight === 0 && (await this.#broker.admin.stream(this.queue)).state.messages === 0
  }

  async #publish(random: number): Promise<void> {
    const { keys } = this.#mode
    const key = keys[random % keys.length] ?? ''
    for (let n = 0; n <= Math.floor(random / keys.length) % 4; n++) {
      const id = `m${++this.#ids}`
      await this.#js.publish(key === '' ? `q.${this.queue}` : `q.${this.queue}.${key}`, id)
      this.told.published(id, key)
    }
  }

  async #pull(count: number): Promise<void> {
    let last = 0
    // While the sidecar is away, a pull finds nobody.
    const messages = await this.#consumer.fetch({ max_messages: count, expires: PULL_MS }).catch(() => undefined)
    if (messages === undefined) return delay(POLL_MS)
    // Only what the client throws ends it: what is wrong here is to be seen.
    const iterator = messages[Symbol.asyncIterator]()
    const next = (): Promise<JsMsg | undefined> =>
      iterator.next().then(
        ({ done, value }) => (done === true ? undefined : value),
        () => undefined,
      )
    for (let message = await next(); message !== undefined; message = await next()) {
      this.told.delivered(message, last)
      if (message.info.deliveryCount === 1) last = message.seq
      this.#held.push(message)
    }
  }

  #remove(random: number): JsMsg | undefined {
    return this.#held.splice(random % Math.max(1, this.#held.length), 1)[0]
  }

  #answer(random: number, answer: (message: JsMsg) => void, what: 'ack' | 'nak' | 'term'): void {
    const message = this.#remove(random)
    if (message === undefined) return
    this.told.answered(message.string(), what)
    answer(message)
  }

  async #acknowledge(message: JsMsg | undefined): Promise<void> {
    if (message === undefined) return
    this.told.answered(message.string(), 'ack')
    const isTaken = await message.ackAck({ timeout: ANSWER_MS }).catch(() => false)
    // What arrived before the word is told before it.
    await immediate()
    if (isTaken) this.told.confirmed(message.seq)
  }
}
