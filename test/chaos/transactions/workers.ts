import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import type { Transaction } from '../../../crds/protocol/transaction.ts'
import type { Delivery, Puller, TestBroker } from '../../sidecar/harness.ts'
import { TransactionClient } from '../../sidecar/harness/transactions.ts'
import type { Random } from '../random.ts'
import { answerOf, CHECK_BACK, type Plan, planned, TIMEOUT_MS, TX_QUEUES, wishOf } from './plan.ts'
import type { TxStory } from './story.ts'

const ANSWER_MS = 2000
/** Before what was not answered is asked again. Milliseconds. */
const AGAIN_MS = 20
const PULL_MS = 200
const CONFIRM_MS = 2000

const questionSchema = z.object({ id: z.string() })

export interface TxScene {
  /** Who keeps a Queue. */
  readonly keeper: (queue: string) => TestBroker
  /** Who is asked for a transaction. */
  readonly coordinator: (id: string) => TestBroker
  readonly brokers: readonly TestBroker[]
  readonly story: TxStory
  /** The number of the next transaction; undefined: there are enough. */
  readonly next: () => number | undefined
  /** Whether nothing new is begun any more. */
  readonly over: () => boolean
}

async function take(story: TxStory, puller: Puller, queue: string, batch: number): Promise<Delivery[]> {
  const messages = await puller.fetch(batch, PULL_MS)
  for (const { sequence, text, at } of messages) story.delivered({ queue, sequence }, text, at)
  return messages
}

/** Makes transactions, one after another, until there are enough. */
export async function work(scene: TxScene, random: Random): Promise<void> {
  const { brokers, coordinator, keeper, story, next } = scene
  const clients = new Map<TestBroker, TransactionClient>()
  for (const broker of brokers) clients.set(broker, new TransactionClient(await broker.client()))
  const pullers = new Map<string, Puller>()
  for (const { name } of TX_QUEUES) pullers.set(name, await keeper(name).puller(name))
  for (let number = next(); number !== undefined; number = next()) {
    const plan = planned(number, random)
    const puller = pullers.get(plan.from)
    const tx = clients.get(coordinator(plan.id))
    if (puller === undefined || tx === undefined) throw new Error(`nobody has queue ${plan.from}`)
    const causes = plan.acks === 0 ? [] : await take(story, puller, plan.from, plan.acks)
    story.began(
      plan.id,
      plan.sends,
      causes.map(({ sequence }) => ({ queue: plan.from, sequence })),
    )
    await carryThrough(
      tx,
      scene,
      plan,
      causes.map(({ reply }) => reply),
    )
  }
}

/** Takes a transaction to its end, or as far as its client goes. */
async function carryThrough(tx: TransactionClient, scene: TxScene, plan: Plan, acks: string[]): Promise<void> {
  const { story } = scene
  const { id, course, sends } = plan
  const hears = ({ state }: Transaction): boolean => {
    const isOver = state === 'Committed' || state === 'Aborted'
    if (isOver) story.told(id, state, performance.now())
    return isOver
  }
  const commit = async (body: object): Promise<void> => {
    story.askedToCommit(id, performance.now())
    await insist(tx, scene, ['commit', body], hears)
  }
  if (course === 'atOnce') return commit({ id, sends, acks })
  const named = { id, secret: `the secret of ${id}, which is long` }
  const isOpen = async (verb: string, body: object): Promise<boolean> => {
    const answer = await insist(tx, scene, [verb, body], (said) => hears(said) || true)
    return answer?.state === 'Open' || answer?.state === 'Prepared'
  }
  const checkBack = course === 'leaveAsked' ? { checkBack: CHECK_BACK } : {}
  const goesOn =
    (await isOpen('begin', { ...named, timeout: `${TIMEOUT_MS}ms`, ...checkBack })) &&
    (await isOpen('send', { ...named, from: 0, sends })) &&
    (acks.length === 0 || (await isOpen('ack', { ...named, acks })))
  if (course === 'leave') return
  if (!goesOn || course === 'abort') {
    await insist(tx, scene, ['abort', named], hears)
    return
  }
  if (course !== 'steps' && !(await isOpen('prepare', named))) return
  if (course === 'leaveAsked') story.wished(id, wishOf(id))
  else if (course !== 'leavePrepared') await commit(named)
}

/** Refusals that another try does not change. */
const FINAL: ReadonlySet<string> = new Set(['AckRefused', 'TransactionEnded', 'TransactionNotFound'])

/** Asks until it is answered, and answered as `until` says; undefined: it was refused. */
async function insist(
  tx: TransactionClient,
  { over }: TxScene,
  [verb, body]: readonly [verb: string, body: object],
  hears: (answer: Transaction) => boolean,
): Promise<Transaction | undefined> {
  while (!over()) {
    const answer = await tx.raw(verb, body, ANSWER_MS).catch(() => undefined)
    if (answer !== undefined && 'id' in answer) {
      if (hears(answer)) return answer
    } else if (answer !== undefined) {
      if (FINAL.has(answer.error.code)) return undefined
      if (answer.error.code !== 'BrokerNotReady') throw new Error(`${verb}: ${JSON.stringify(answer.error)}`)
    }
    await delay(AGAIN_MS)
  }
  return undefined
}

/** Says what is to become of transactions whose clients are gone. */
export async function answerQuestions({ brokers, story }: TxScene): Promise<void> {
  const asked = new Map<string, number>()
  for (const broker of brokers) {
    const producer = await broker.client()
    producer.subscribe(CHECK_BACK.subject, {
      callback: (_, message) => {
        const { id } = questionSchema.parse(message.json())
        const count = (asked.get(id) ?? 0) + 1
        asked.set(id, count)
        const answer = answerOf(id, count)
        if (answer === 'commit') story.askedToCommit(id, performance.now())
        message.respond(JSON.stringify({ answer }))
      },
    })
  }
}

/** Consumes without a transaction, until the scene is over, so that what transactions sent leaves the Queue while they are under way. */
export async function consume(
  { keeper, story, over }: TxScene,
  { name, batch }: (typeof TX_QUEUES)[number],
  share: () => boolean,
): Promise<void> {
  const puller = await keeper(name).puller(name)
  while (!over()) {
    const messages = await take(story, puller, name, batch)
    const confirmed: Array<Promise<void>> = []
    for (const message of messages) {
      if (share()) confirmed.push(confirm(story, name, message))
      else message.answer('-NAK')
    }
    await Promise.all(confirmed)
  }
}

async function confirm(story: TxStory, queue: string, message: Delivery): Promise<void> {
  const { sequence } = message
  const said = await message.settle('+ACK', CONFIRM_MS).catch(() => 'not answered')
  story.acknowledged({ queue, sequence }, said === '' ? performance.now() : undefined)
}
