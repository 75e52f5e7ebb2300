import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { transactionSchema } from '../../../crds/protocol/transaction.ts'
import { TestBroker, until } from '../../sidecar/harness.ts'
import { type Away, kill } from '../killer.ts'
import { type Random, seedsFrom } from '../random.ts'
import { TX_QUEUES, WINDOW_MS } from './plan.ts'
import { TxStory, type TxVerdict, WRONGS } from './story.ts'
import { answerQuestions, consume, type TxScene, work } from './workers.ts'

export interface TxChaosSettings {
  readonly seed: number
  readonly kills: number
  /** How many are begun. */
  readonly transactions: number
}

export interface TxChaosReport extends TxVerdict {
  readonly seed: number
  readonly kills: number
  /** Kills after which the broker was away for longer than it remembers ids. */
  readonly longPauses: number
  /** Messages that the ledgers cannot tell the end of, or that clients and streams count differently. */
  readonly unaccounted: number
  /** What the broker keeps of transactions that ended, beside the memory of their end. */
  readonly left: number
  readonly seconds: number
}

const WORKERS = 8
/** In each Queue before the first transaction, so that there is something to consume. */
const FIRST = 40
const DRAIN_MS = 120_000

/** Away for longer than the deduplication window, or for a moment; one in five is killed again while it takes up what it was at. */
const away = (random: Random, isLong: boolean): Away => ({
  ms: isLong ? WINDOW_MS * (1.05 + random() * 0.3) : random() * 200,
  againAfterMs: random() < 0.2 ? random() * 300 : undefined,
})

/**
 * Makes so many transactions on a broker of its own while its parts are killed, then looks what became of each.
 *
 * @param onKill told after each kill, from 1
 */
export async function runTxChaos(
  settings: TxChaosSettings,
  onKill: (number: number, victim: string) => void = () => undefined,
): Promise<TxChaosReport> {
  const started = performance.now()
  const { seed, kills } = settings
  const seeds = seedsFrom(seed)
  await using broker = await TestBroker.start({ sidecar: 'ownProcess', sync: 'always' })
  const story = new TxStory()
  for (const { name, spec, rest } of TX_QUEUES) {
    await broker.api.put(name, spec)
    const js = await broker.js()
    for (let n = 0; n < FIRST; n++) await js.publish(`q.${name}${rest(n) === '' ? '' : `.${rest(n)}`}`, `${name}/${n}`)
  }
  const longPauses = await underKills(broker, story, seeds, settings, onKill)
  await drain(broker, story)
  const kept = async (): Promise<number> => (await broker.admin.stream('PILLION_TRANSACTIONS')).state.messages
  // What a crash brought back is removed a moment later.
  await until('nothing is kept of transactions that ended', async () => (await kept()) === 0).catch(() => undefined)
  const left = await kept()
  const unaccounted = await countUnaccounted(broker, story)
  const seconds = Math.round((performance.now() - started) / 1000)
  return { ...story.verdict, seed, kills, longPauses, unaccounted, left, seconds }
}

async function underKills(
  broker: TestBroker,
  story: TxStory,
  seeds: () => Random,
  { kills, transactions }: TxChaosSettings,
  onKill: (number: number, victim: string) => void,
): Promise<number> {
  let begun = 0
  let isOver = false
  const scene: TxScene = {
    broker,
    story,
    next: () => (begun < transactions && !isOver ? begun++ : undefined),
    over: () => isOver,
  }
  await answerQuestions(scene)
  const share = seeds()
  const consuming = TX_QUEUES.map((queue) => consume(scene, queue, () => share() < 1 / 2))
  const working = Array.from({ length: WORKERS }, () => work(scene, seeds()))
  const random = seeds()
  const all = Promise.all([...consuming, ...working])
  try {
    const [longPauses] = await Promise.all([
      killing(broker, { kills, transactions, random, begun: () => begun }, onKill),
      Promise.race([Promise.all(working), all]),
    ])
    await untilAllEnded(broker, story)
    return longPauses
  } finally {
    isOver = true
    await all
  }
}

export const isWrong = (report: TxChaosReport): boolean =>
  WRONGS.some((name) => report[name] > 0) || report.unaccounted + report.left > 0

/** Each when so many transactions were begun, at random over all of them; returns how often the broker was away for long. */
async function killing(
  broker: TestBroker,
  { kills, transactions, random, begun }: { kills: number; transactions: number; random: Random; begun: () => number },
  onKill: (number: number, victim: string) => void,
): Promise<number> {
  const moments = Array.from({ length: kills }, () => Math.floor(random() * transactions)).toSorted((a, b) => a - b)
  let longPauses = 0
  for (const [index, moment] of moments.entries()) {
    while (begun() < moment) await delay(5)
    const isLong = random() < 1 / 3
    if (isLong) longPauses++
    onKill(
      index + 1,
      await kill(broker, random, () => undefined, { aliveMs: random() * 60, away: away(random, isLong) }),
    )
  }
  return longPauses
}

const listSchema = z.object({ transactions: z.array(z.object({ id: z.string(), state: z.string() })) })

async function untilAllEnded(broker: TestBroker, story: TxStory): Promise<void> {
  const open = async (): Promise<number> =>
    listSchema.parse((await broker.api.request('GET', '/transactions')).json).transactions.length
  await until('no transaction is open', async () => (await open()) === 0, DRAIN_MS)
  for (const id of story.ids) {
    const { status, json } = await broker.api.request('GET', `/transactions/${id}`)
    if (status === 404) {
      // Nothing of it was on record before a crash, or it was refused for what it asked for.
      story.ended(id, 'Aborted')
      continue
    }
    const { state } = transactionSchema.parse(json)
    story.ended(id, state === 'Committed' || state === 'Aborted' ? state : 'Undecided')
  }
}

/** Consumes all that is there. */
async function drain(broker: TestBroker, story: TxStory): Promise<void> {
  let isOver = false
  const scene: TxScene = { broker, story, next: () => undefined, over: () => isOver }
  const consuming = Promise.all(TX_QUEUES.map((queue) => consume(scene, queue, () => true)))
  const left = async (): Promise<number> => {
    let sum = 0
    for (const { name } of TX_QUEUES) {
      const { ready, inFlight, delayed, deadLettered } = (await broker.api.get(name)).messages
      sum += ready + inFlight + delayed + deadLettered
    }
    return sum
  }
  try {
    await until('nothing is left', async () => (await left()) === 0, DRAIN_MS)
  } finally {
    isOver = true
  }
  await consuming
}

/** Every sequence that a stream gave was delivered to somebody, and is acknowledged by its ledger. */
async function countUnaccounted(broker: TestBroker, story: TxStory): Promise<number> {
  let stored = 0
  let astray = 0
  for (const { name } of TX_QUEUES) {
    const { accepted, acknowledged, unaccounted } = await broker.api.ledger(name)
    const { state } = await broker.admin.stream(name)
    stored += state.last_seq
    astray += Math.abs(unaccounted ?? 0) + Math.abs(accepted - acknowledged) + Math.abs(accepted - state.last_seq)
  }
  return astray + Math.abs(stored - story.verdict.messages)
}
