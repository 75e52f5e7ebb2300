import { z } from 'zod'
import {
  type CarriedOut,
  carriedOutSchema,
  type Decision,
  decisionSchema,
  type PrepareRequest,
  type Vote,
  voteSchema,
} from '../../crds/protocol/participations.ts'
import { Limiter } from '../delay/limiter.ts'
import { askSidecar } from '../peers/ask-sidecar.ts'
import type { Peers } from '../peers/peers.ts'
import type { Order } from './coordinator.ts'
import type { Call, Entry } from './entry.ts'
import { unstaged } from './sends.ts'

/** For an answer; what is carried out meanwhile goes on, and is asked for again. Milliseconds. */
const ANSWER_MS = 10_000
/** As many are asked of one broker at a time. */
const AT_ONCE = 64
/** From one question what was decided to the next. Milliseconds. */
const ASK_AGAIN_MS = 4000

/** What others answered, for whoever has the transaction. */
export interface Heard {
  vote(entry: Entry, from: string, vote: Vote): Promise<void>
  carriedOut(entry: Entry, from: string, answer: CarriedOut): Promise<void>
  decision(entry: Entry, decision: Decision): Promise<void>
}

/**
 * Asks the sidecars of other brokers, each of them about a transaction one thing after another, and without the transaction's lock: who is away
 * holds up nothing but what waits for it. What is not answered is for a later look to ask again.
 */
export class Calls {
  readonly #peers: Peers
  readonly #heard: Heard
  readonly #limiters = new Map<string, Limiter>()
  readonly #stopping = new AbortController()

  constructor(peers: Peers, heard: Heard) {
    this.#peers = peers
    this.#heard = heard
  }

  send(entry: Entry, to: string, order: Order): void {
    this.#call(entry, to, order, () => this.#order(entry, to, order))
  }

  /** Not more often than every few seconds. */
  ask(entry: Entry): void {
    const { of } = entry.record
    if (of === undefined || performance.now() < entry.asksAgainAt) return
    entry.asksAgainAt = performance.now() + ASK_AGAIN_MS
    this.#call(entry, of.coordinator, 'ask', () => this.#ask(entry, of.coordinator))
  }

  stop(): void {
    this.#stopping.abort()
  }

  /** After what it was asked before, and not twice at a time. */
  #call(entry: Entry, to: string, asks: Call['asks'], work: () => Promise<void>): void {
    const before = entry.calls.get(to)
    if (before?.asks === asks) return
    const limiter = this.#limiters.get(to) ?? new Limiter(AT_ONCE)
    this.#limiters.set(to, limiter)
    const over = (before?.over ?? Promise.resolve())
      .then(() => limiter.run(work))
      .catch((error: unknown) => {
        entry.waits.set(to, `broker ${to}: ${error instanceof Error ? error.message : String(error)}`)
      })
      .finally(() => {
        if (entry.calls.get(to) === call) entry.calls.delete(to)
        for (const watcher of entry.watchers) watcher()
      })
    const call: Call = { asks, over }
    entry.calls.set(to, call)
  }

  async #order(entry: Entry, to: string, order: Order): Promise<void> {
    const { startedAt, coordinator } = entry.record
    switch (order) {
      case 'prepare': {
        if (coordinator?.phase !== 'preparing') return
        const { sends = [], acks = [] } = entry.others.get(to) ?? {}
        const body: PrepareRequest = { startedAt, sends: sends.map(unstaged), acks: [...acks] }
        return this.#heard.vote(entry, to, await this.#post(entry, to, order, body, voteSchema))
      }
      case 'commit':
        return this.#heard.carriedOut(entry, to, await this.#post(entry, to, order, { startedAt }, carriedOutSchema))
      case 'abort':
        return void (await this.#post(entry, to, order, { startedAt }, z.unknown()))
      default:
        return order satisfies never
    }
  }

  async #ask(entry: Entry, to: string): Promise<void> {
    const body = { startedAt: entry.record.startedAt, from: this.#peers.ownName }
    await this.#heard.decision(entry, await this.#post(entry, to, 'ask', body, decisionSchema))
  }

  #post<T>(entry: Entry, to: string, asks: Call['asks'], body: object, schema: z.ZodType<T>): Promise<T> {
    const { coordinator, id } = entry.record.of ?? { coordinator: this.#peers.ownName, id: entry.id }
    const path = `/participations/${encodeURIComponent(coordinator)}/${id}/${asks}`
    const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(ANSWER_MS)])
    return askSidecar(this.#peers.access(to), { method: 'POST', path, body, signal }, schema)
  }
}
