import type { coordinate, Coordinator, CoordinatorEvent, Order } from '../../../sidecar/transactions/coordinator.ts'
import type { participate, Word } from '../../../sidecar/transactions/participant.ts'
import { ModelBroker } from './broker.ts'
import { ModelLeader } from './leader.ts'
import { Crash, type Node } from './node.ts'
import type { Setting, Step } from './schedule.ts'

/** What is tried; left out: the product's. */
export interface Protocol {
  readonly coordinate?: typeof coordinate
  readonly participate?: typeof participate
  /** Whether it is looked whether the sends are there before they are published. */
  readonly looks?: boolean
}

type Message =
  | { readonly kind: 'order'; readonly to: string; readonly tx: string; readonly order: Order }
  | { readonly kind: 'word'; readonly from: string; readonly tx: string; readonly word: Word }
  /** A check-back on its way to the producer; its answer comes back as one. */
  | { readonly kind: 'question'; readonly tx: string }
  | { readonly kind: 'answer'; readonly tx: string; readonly answer: 'commit' | 'abort' | 'unknown' }

const TXS = ['a', 'b'] as const
const TIMEOUT_MS = 100
const CHECK_BACK = { firstMs: 10, intervalMs: 10, limit: 1 }
const TICK_MS = 5
/** Rounds in which everything is delivered, until everything has to have come to its end. */
const ROUNDS = 60

/** A coordinator, its participants, a network that loses, doubles and reorders, and a producer. Nothing in it is random: steps say what happens. */
export class World {
  now = 0
  readonly protocol: Protocol
  readonly #setting: Setting
  readonly #leader: ModelLeader
  readonly #brokers: readonly ModelBroker[]
  #network: Message[] = []
  /** What the producer wants, once it has made up its mind. */
  readonly #wish = new Map<string, 'commit' | 'abort'>()
  /** What the producer was told. */
  readonly #told = new Map<string, string>()
  /** What came about: what the network did to what, who ended in the middle of what, and how transactions ended. */
  readonly saw = new Set<string>()

  constructor(setting: Setting, protocol: Protocol = {}) {
    this.protocol = protocol
    this.#setting = setting
    this.#leader = new ModelLeader(this, protocol)
    this.#brokers = Array.from(
      { length: setting.participants },
      (_, index) => new ModelBroker(`p${index}`, this, protocol),
    )
  }

  fail(what: string): never {
    throw new Error(what)
  }

  send(message: Message): void {
    this.#network.push(message)
  }

  take({ kind, random }: Step): void {
    const tx = TXS[random % TXS.length] ?? 'a'
    const at = random % Math.max(1, this.#network.length)
    const nodes: readonly Node[] = [this.#leader, ...this.#brokers]
    const node = nodes[random % nodes.length] ?? this.#leader
    switch (kind) {
      case 'begin':
        return this.#ask(tx, {
          kind,
          deadline: this.now + TIMEOUT_MS,
          checkBack: this.#setting.checksBack ? CHECK_BACK : undefined,
        })
      case 'prepare':
        return this.#prepare(tx, false)
      case 'prepareAndCommit':
        if (this.#wish.get(tx) === 'abort') return
        this.#wish.set(tx, 'commit')
        return this.#prepare(tx, true)
      case 'commit':
        if (this.#wish.get(tx) === 'abort') return
        // Who runs a transaction of its own first does so when this one is prepared.
        if (this.#told.get(tx) !== 'prepared') return
        this.#wish.set(tx, 'commit')
        return this.#ask(tx, { kind })
      case 'abort':
        if (this.#wish.get(tx) === 'commit') return
        this.#wish.set(tx, 'abort')
        return this.#ask(tx, { kind, reason: 'asked for' })
      case 'deliver':
        if (at > 0) this.#notice('overtakes', this.#network[at])
        return this.#deliver(...this.#network.splice(at, 1))
      case 'duplicate':
        this.#notice('doubles', this.#network[at])
        return this.#deliver(...this.#network.slice(at, at + 1))
      case 'lose':
        this.#notice('loses', ...this.#network.splice(at, 1))
        return
      case 'tick':
        this.now += TICK_MS
        return this.#alive(node, () => node.tick())
      case 'wait':
        this.now += TIMEOUT_MS / 3
        return
      case 'calm':
        return this.#settle(nodes, 1)
      case 'doom':
        node.fate = random % 6
        return
      case 'crash':
        return this.#crash(node)
      default:
        return kind satisfies never
    }
  }

  /** The coordinator puts a state on record. */
  decided(tx: string, before: Coordinator | undefined, state: Coordinator, { kind }: CoordinatorEvent): void {
    const was = before?.phase
    const is = state.phase
    if (was === 'aborted' && is !== 'aborted') this.fail(`${tx} was aborted, and is ${is}`)
    if ((was === 'committing' || was === 'committed') && !is.startsWith('commit'))
      this.fail(`${tx} was ${was}, and is ${is}`)
    if (is === 'committing' && this.#wish.get(tx) !== 'commit') this.fail(`${tx} is committed, and nobody asked for it`)
    const promised = was === 'prepared' || was === 'inDoubt'
    if (promised && is === 'aborted' && this.#setting.checksBack && this.#wish.get(tx) !== 'abort')
      this.fail(`${tx} was prepared, and is aborted at ${kind} without a word of its producer`)
  }

  /** What has to hold at any time. */
  check(): void {
    for (const broker of this.#brokers) {
      for (const [tx, count] of broker.published) {
        if (count > 1) this.fail(`the sends of ${tx} are there twice at ${broker.name}`)
        const phase = this.#leader.disk.known.get(tx)?.phase
        if (phase !== 'committing' && phase !== 'committed')
          this.fail(`the sends of ${tx} are seen at ${broker.name}, and it is ${phase ?? 'unknown'}`)
      }
      for (const [tx, { phase }] of broker.disk.known) {
        const decision = this.#leader.disk.known.get(tx)?.phase
        if (phase === 'committed' && decision !== 'committing' && decision !== 'committed')
          this.fail(`${tx} is committed at ${broker.name}, and ${decision} at its coordinator`)
        if (phase === 'aborted' && decision !== 'aborted' && decision !== undefined)
          this.fail(`${tx} is aborted at ${broker.name}, and ${decision} at its coordinator`)
        if (phase === 'prepared' && !broker.staged.has(tx))
          this.fail(`${tx} is prepared at ${broker.name} and not staged`)
      }
    }
  }

  /** Nothing fails any more: everything comes to its end. */
  drain(): void {
    const nodes: readonly Node[] = [this.#leader, ...this.#brokers]
    for (const node of nodes) node.fate = Number.POSITIVE_INFINITY
    this.#settle(nodes, ROUNDS)
    for (const tx of TXS) {
      if (this.#leader.disk.known.get(tx)?.phase !== 'inDoubt') continue
      for (const { name, disk } of this.#brokers)
        if (disk.known.get(tx)?.phase !== 'prepared') this.fail(`${tx} is in doubt, and not prepared at ${name}`)
      // Decided by hand.
      const wish = this.#wish.get(tx) ?? 'abort'
      this.#wish.set(tx, wish)
      this.#leader.step(tx, wish === 'commit' ? { kind: 'commit' } : { kind: 'abort', reason: 'by hand' })
    }
    this.#settle(nodes, ROUNDS)
    this.check()
    for (const tx of TXS) this.#checkEnd(tx)
  }

  /** Everything on its way arrives, and everybody looks what there is to do. */
  #settle(nodes: readonly Node[], rounds: number): void {
    for (let round = 0; round < rounds; round++) {
      this.now += TICK_MS
      for (const node of nodes) this.#alive(node, () => node.tick())
      while (this.#network.length > 0) this.#deliver(...this.#network.splice(0, 1))
    }
  }

  #notice(what: string, message?: Message): void {
    if (message?.kind === 'order') this.saw.add(`${what} ${message.order}`)
    if (message?.kind === 'word') this.saw.add(`${what} ${message.word.kind}`)
  }

  #checkEnd(tx: string): void {
    const end = this.#leader.disk.known.get(tx)?.phase
    if (end !== undefined) this.saw.add(end)
    if (end !== undefined && end !== 'committed' && end !== 'aborted') this.fail(`${tx} is forgotten: it is ${end}`)
    const told = this.#told.get(tx)
    if ((told === 'committed' || told === 'committing') && end !== 'committed')
      this.fail(`${tx} was told to be ${told}, and is ${end}`)
    if (told === 'aborted' && end !== 'aborted') this.fail(`${tx} was told to be aborted, and is ${end}`)
    if (told === 'prepared' && end === undefined) this.fail(`${tx} was told to be prepared, and is forgotten`)
    for (const { name, disk, published, acknowledgedBy, heldBy } of this.#brokers) {
      const part = disk.known.get(tx)?.phase
      if (part === 'prepared' || part === 'committing') this.fail(`${tx} is forgotten: it is ${part} at ${name}`)
      if (heldBy === tx) this.fail(`what ${tx} held at ${name} is held for good`)
      if (end === 'committed' && published.get(tx) !== 1) this.fail(`the sends of ${tx} are lost at ${name}`)
      if (end === 'committed' && acknowledgedBy !== tx) this.fail(`what ${tx} consumed at ${name} is not acknowledged`)
    }
  }

  #prepare(tx: string, commits: boolean): void {
    this.#ask(tx, { kind: 'prepare', participants: this.#brokers.map(({ name }) => name), commits })
  }

  #ask(tx: string, event: CoordinatorEvent): void {
    this.#alive(this.#leader, () => this.#heard(tx, this.#leader.step(tx, event)))
  }

  #heard(tx: string, state: Coordinator | undefined): void {
    if (state !== undefined && state.phase !== 'open') this.#told.set(tx, state.phase)
  }

  #deliver(message?: Message): void {
    if (message === undefined) return
    const { tx } = message
    if (message.kind === 'question') return this.send({ kind: 'answer', tx, answer: this.#wish.get(tx) ?? 'unknown' })
    if (message.kind === 'answer')
      return this.#alive(this.#leader, () => void this.#leader.step(tx, { kind: 'checked', answer: message.answer }))
    if (message.kind === 'word') {
      const { from, word } = message
      return this.#alive(this.#leader, () => {
        const state = this.#leader.step(tx, { ...word, from })
        // Who waits for the answer to a prepare is told.
        if (this.#told.get(tx) === 'preparing') this.#heard(tx, state)
      })
    }
    const broker = this.#brokers.find(({ name }) => name === message.to)
    if (broker !== undefined) this.#alive(broker, () => broker.order(tx, message.order))
  }

  #alive(node: Node, work: () => void): void {
    try {
      work()
    } catch (error) {
      if (!(error instanceof Crash)) throw error
      this.#crash(node)
    }
  }

  #crash(node: Node): void {
    const who = node === this.#leader ? 'coordinator' : 'participant'
    for (const phase of node.phases) this.saw.add(`${who} ends in ${phase}`)
    node.fate = Number.POSITIVE_INFINITY
    node.crash()
  }
}
