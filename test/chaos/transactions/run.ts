import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { transactionSchema } from '../../../crds/protocol/transaction.ts'
import { type TestBroker, until } from '../../sidecar/harness.ts'
import { Namespace } from '../../sidecar/harness/namespace.ts'
import { type Away, kill } from '../killer.ts'
import { type Random, seedsFrom } from '../random.ts'
import { brokerNames, coordinatorOf, keeperOf, TX_QUEUES, WINDOW_MS } from './plan.ts'
import { TxStory, type TxVerdict, WRONGS } from './story.ts'
import { answerQuestions, consume, type TxScene, work } from './workers.ts'

export interface TxChaosSettings {
  readonly seed: number
  readonly kills: number
  /** How many are begun. */
  readonly transactions: number
  /** Among which the Queues are shared out. */
  readonly brokers: number
}

export interface TxChaosReport extends TxVerdict {
  readonly seed: number
  readonly kills: number
  readonly brokers: number
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
 * Makes so many transactions on brokers of its own while their parts are killed, then looks what became of each.
 *
 * @param onKill told after each kill, from 1
 */
export async function runTxChaos(
  settings: TxChaosSettings,
  onKill: (number: number, victim: string) => void = () => undefined,
): Promise<TxChaosReport> {
  const started = performance.now()
  const { seed, kills, brokers } = settings
  const seeds = seedsFrom(seed)
  await using namespace = await Namespace.start(brokerNames(brokers), { sidecar: 'ownProcess', sync: 'always' })
  const story = new TxStory()
  const stage = stageOf(namespace, brokers, story)
  for (const { name, spec, rest } of TX_QUEUES) {
    const broker = stage.keeper(name)
    await broker.api.put(name, spec)
    const js = await broker.js()
    for (let n = 0; n < FIRST; n++) await js.publish(`q.${name}${rest(n) === '' ? '' : `.${rest(n)}`}`, `${name}/${n}`)
  }
  await namespace.tell()
  const longPauses = await underKills(namespace, stage, seeds, settings, onKill)
  await drain(stage)
  const kept = async (): Promise<number> => {
    let sum = 0
    for (const { admin } of stage.brokers) sum += await admin.transactionWords()
    return sum
  }
  // What a crash brought back is removed a moment later.
  await until('nothing is kept of transactions that ended', async () => (await kept()) === 0).catch(() => undefined)
  const left = await kept()
  const unaccounted = await countUnaccounted(stage)
  const seconds = Math.round((performance.now() - started) / 1000)
  return { ...story.verdict, seed, kills, brokers, longPauses, unaccounted, left, seconds }
}

type Stage = Omit<TxScene, 'next' | 'over'>

function stageOf(namespace: Namespace, count: number, story: TxStory): Stage {
  return {
    story,
    brokers: brokerNames(count).map((name) => namespace.broker(name)),
    keeper: (queue) => namespace.broker(keeperOf(queue, count)),
    coordinator: (id) => namespace.broker(coordinatorOf(id, count)),
  }
}

async function underKills(
  namespace: Namespace,
  stage: Stage,
  seeds: () => Random,
  { kills, transactions }: TxChaosSettings,
  onKill: (number: number, victim: string) => void,
): Promise<number> {
  let begun = 0
  let isOver = false
  const scene: TxScene = {
    ...stage,
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
      killing(namespace, stage.brokers, { kills, transactions, random, begun: () => begun }, onKill),
      Promise.race([Promise.all(working), all]),
    ])
    await untilAllEnded(stage)
    return longPauses
  } finally {
    isOver = true
    await all
  }
}

export const isWrong = (report: TxChaosReport): boolean =>
  WRONGS.some((name) => report[name] > 0) || report.unaccounted + report.left > 0

/** Each when so many transactions were begun, at random over all of them; returns how often a broker was away for long. */
async function killing(
  namespace: Namespace,
  brokers: readonly TestBroker[],
  { kills, transactions, random, begun }: { kills: number; transactions: number; random: Random; begun: () => number },
  onKill: (number: number, victim: string) => void,
): Promise<number> {
  const moments = Array.from({ length: kills }, () => Math.floor(random() * transactions)).toSorted((a, b) => a - b)
  let longPauses = 0
  for (const [index, moment] of moments.entries()) {
    while (begun() < moment) await delay(5)
    const isLong = random() < 1 / 3
    if (isLong) longPauses++
    const broker = brokers[Math.floor(random() * brokers.length)]
    if (broker === undefined) throw new Error('there is no broker')
    onKill(
      index + 1,
      await kill(broker, random, () => undefined, { aliveMs: random() * 60, away: away(random, isLong) }),
    )
    await namespace.tell()
  }
  return longPauses
}

const listSchema = z.object({ transactions: z.array(z.object({ id: z.string(), state: z.string() })) })

async function untilAllEnded({ brokers, coordinator, story }: Stage): Promise<void> {
  const open = async (): Promise<number> => {
    let sum = 0
    for (const { api } of brokers)
      sum += listSchema.parse((await api.request('GET', '/transactions')).json).transactions.length
    return sum
  }
  await until('no transaction is open', async () => (await open()) === 0, DRAIN_MS)
  for (const id of story.ids) {
    const { status, json } = await coordinator(id).api.request('GET', `/transactions/${id}`)
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
async function drain(stage: Stage): Promise<void> {
  let isOver = false
  const scene: TxScene = { ...stage, next: () => undefined, over: () => isOver }
  const consuming = Promise.all(TX_QUEUES.map((queue) => consume(scene, queue, () => true)))
  const left = async (): Promise<number> => {
    let sum = 0
    for (const { name } of TX_QUEUES) {
      const { ready, inFlight, delayed, deadLettered } = (await stage.keeper(name).api.get(name)).messages
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
async function countUnaccounted({ keeper, story }: Stage): Promise<number> {
  let stored = 0
  let astray = 0
  for (const { name } of TX_QUEUES) {
    const broker = keeper(name)
    const { accepted, acknowledged, unaccounted } = await broker.api.ledger(name)
    const { state } = await broker.admin.stream(name)
    stored += state.last_seq
    astray += Math.abs(unaccounted ?? 0) + Math.abs(accepted - acknowledged) + Math.abs(accepted - state.last_seq)
  }
  return astray + Math.abs(stored - story.verdict.messages)
}
