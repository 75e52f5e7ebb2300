import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { QueueLedger } from '../../crds/protocol/ledger.ts'
import { TestBroker, until } from '../sidecar/harness.ts'
import { consume, drain, operate, produce, type Scene } from './clients.ts'
import { Disk } from '../harness/disk.ts'
import { cutPower, kill } from './killer.ts'
import { QUEUES } from './queues.ts'
import { type Random, seedsFrom } from './random.ts'
import { Story, type Verdict } from './story.ts'

export interface ChaosSettings {
  readonly seed: number
  readonly kills: number
  /** Whether the power is cut, instead of processes killed. Needs what `whyNoPowerCuts` says. */
  readonly powerCuts?: boolean
}

export interface ChaosReport extends Verdict {
  readonly seed: number
  readonly kills: number
  /** Messages that the ledgers of the Queues cannot tell the end of, when nothing is left. */
  readonly unaccounted: number
  readonly deadLettered: number
  readonly moved: number
  readonly seconds: number
}

/** All that waits, whatever it waits for, is there by then: the longest that is asked for is 11 s. Milliseconds. */
const DRAIN_MS = 120_000

/**
 * Runs the workload on a broker of its own, kills its parts so many times, then lets everything come to its end.
 *
 * @param onKill told after each kill, from 1
 */
export async function runChaos(
  settings: ChaosSettings,
  onKill: (number: number, victim: string) => void = () => undefined,
): Promise<ChaosReport> {
  const started = performance.now()
  const { seed, kills, powerCuts = false } = settings
  await using disk = powerCuts ? await Disk.create() : undefined
  const storeDir = disk === undefined ? {} : { storeDir: join(disk.folder, 'store') }
  await using broker = await TestBroker.start({ sidecar: 'ownProcess', sync: 'always', ...storeDir })
  for (const { name, spec } of QUEUES) await broker.api.put(name, spec)
  const story = new Story()
  const random = seedsFrom(seed)
  const end = (moments: Random): Promise<string> => {
    const happened = (what: string): void => story.happened(what)
    return disk === undefined ? kill(broker, moments, happened) : cutPower(broker, disk, moments, happened)
  }
  await underKills(broker, story, { random, kills, end }, onKill)
  const ledgers = await untilNothingIsLeft(broker, story)
  const sum = (read: (ledger: QueueLedger) => number): number => ledgers.reduce((total, one) => total + read(one), 0)
  return {
    ...story.verdict,
    seed,
    kills,
    unaccounted: sum(({ unaccounted }) => Math.abs(unaccounted ?? 0)),
    deadLettered: sum(({ deadLettered }) => deadLettered),
    moved: sum(({ moved }) => moved),
    seconds: Math.round((performance.now() - started) / 1000),
  }
}

async function underKills(
  broker: TestBroker,
  story: Story,
  { random, kills, end }: { random: () => Random; kills: number; end: (moments: Random) => Promise<string> },
  onKill: (number: number, victim: string) => void,
): Promise<void> {
  let isOver = false
  const scene: Scene = { broker, story, over: () => isOver }
  const clients = QUEUES.flatMap((queue) => [
    ...(queue.name === 'moved' ? [] : [produce(scene, queue, random())]),
    consume(scene, queue, random()),
    operate(scene, queue, random()),
  ])
  const all = Promise.all(clients)
  const moments = random()
  const killing = async (): Promise<void> => {
    for (let number = 1; number <= kills; number++) {
      const victim = await end(moments)
      onKill(number, victim)
    }
  }
  try {
    await Promise.race([killing(), all.then(() => Promise.reject(new Error('the clients ended before the kills')))])
  } finally {
    isOver = true
  }
  await all
}

/** What the ledgers say once everything has come to its end. */
async function untilNothingIsLeft(broker: TestBroker, story: Story): Promise<QueueLedger[]> {
  // What is delayed comes first, since it may still fail by expiring.
  for (const { name } of QUEUES) {
    await until(
      `nothing of ${name} is delayed`,
      async () => (await broker.api.get(name)).messages.delayed === 0,
      DRAIN_MS,
    )
  }
  story.ends()
  let isOver = false
  const scene: Scene = { broker, story, over: () => isOver }
  const clients = Promise.all(QUEUES.map((queue) => drain(scene, queue)))
  try {
    await until('nothing is left', () => isEmptied(broker), DRAIN_MS).catch(async (error: unknown) => {
      throw new Error(`not over after ${DRAIN_MS} ms: ${await whatIsLeft(broker)}`, { cause: error })
    })
  } finally {
    isOver = true
  }
  await clients
  return Promise.all(QUEUES.map(({ name }) => broker.api.ledger(name)))
}

/** Whether nothing waits in any Queue, nor is given up; brings back what is. */
async function isEmptied(broker: TestBroker): Promise<boolean> {
  let left = 0
  for (const { name } of QUEUES) {
    const { messages } = await broker.api.get(name)
    left += messages.ready + messages.inFlight + messages.delayed + messages.deadLettered
    if (messages.deadLettered > 0)
      await broker.api.request('POST', `/queues/${name}/operations`, { body: '{"kind":"redrive"}' })
  }
  if (left > 0) await delay(200)
  return left === 0
}

/** For whoever looks for the cause. */
async function whatIsLeft(broker: TestBroker): Promise<string> {
  const left = QUEUES.map(async ({ name }) => {
    const { messages } = await broker.api.get(name)
    const operations = await broker.api.request('GET', `/queues/${name}/operations`)
    const lanes: string[] = []
    for await (const {
      name: lane,
      num_pending,
      num_ack_pending,
      delivered,
      ack_floor,
    } of broker.admin.manager.consumers.list(name)) {
      if (num_pending + num_ack_pending > 0)
        lanes.push(JSON.stringify({ lane, num_pending, num_ack_pending, delivered, ack_floor }))
    }
    return `${name} ${JSON.stringify(messages)}\n  ${operations.text.slice(0, 600)}\n  ${lanes.join('\n  ')}`
  })
  return (await Promise.all(left)).join('\n')
}
