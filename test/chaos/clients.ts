import { setTimeout as delay } from 'node:timers/promises'
import { jetstream, type JetStreamClient } from '@nats-io/jetstream'
import { headers as natsHeaders } from '@nats-io/transport-node'
import type { Delivery, Puller, TestBroker } from '../sidecar/harness.ts'
import { moveMessages } from './move.ts'
import type { ChaosQueue } from './queues.ts'
import { pick, type Random } from './random.ts'
import type { Story } from './story.ts'

/** Between publishes to one Queue. Milliseconds. */
const PACE_MS = 25
/** Before a publish that was not confirmed is sent again, under its id. Milliseconds. */
const AGAIN_MS = 100
const CONFIRM_MS = 2000
const PULL_MS = 500
const BATCH = 20
/** Whoever operates a Queue asks for something so often. Milliseconds. */
const OPERATE_MS = 700

export interface Scene {
  readonly broker: TestBroker
  readonly story: Story
  /** Whether nothing new is begun any more. */
  readonly over: () => boolean
}

/** Publishes until the scene is over, each message until the broker has confirmed it; one in eight is delayed. */
export async function produce({ broker, story, over }: Scene, queue: ChaosQueue, random: Random): Promise<void> {
  const js = jetstream(await broker.client(), { timeout: CONFIRM_MS })
  for (let number = 0; !over(); number++) {
    const id = `${queue.name}-${number}`
    const delayed = random() < 1 / 8 ? `${Math.ceil(random() * 3000)}ms` : undefined
    const began = performance.now()
    const kills = story.serverKills
    const tries = await publish(js, queue, { id, rest: queue.rest(number), delayed })
    // Over a restart nats-server remembers only ids of messages that are still there.
    const isForgotten = performance.now() - began > queue.windowMs / 2 || story.serverKills > kills
    if (tries > 1 && isForgotten) story.mayBeTwice(id)
    // It may expire while somebody has it in hand, and be brought back.
    if (queue.expires) story.failed(id, 'may expire')
    story.accepted(id)
    await delay(PACE_MS * 2 * random())
  }
}

/** How often it was sent. */
async function publish(
  js: JetStreamClient,
  { name }: ChaosQueue,
  { id, rest, delayed }: { id: string; rest: string; delayed: string | undefined },
): Promise<number> {
  const headers = natsHeaders()
  if (delayed !== undefined) headers.set('Pillion-Delay', delayed)
  for (let tries = 1; ; tries++) {
    try {
      await js.publish(`${delayed === undefined ? 'q' : 'delay'}.${name}${rest}`, id, { msgID: id, headers })
      return tries
    } catch {
      await delay(AGAIN_MS)
    }
  }
}

const ANSWERS = [
  [70, 'confirm'],
  [12, 'acknowledge'],
  [8, 'giveBack'],
  [2, 'giveBackLong'],
  [4, 'reject'],
  [4, 'nothing'],
] as const

async function take(story: Story, { name, replaces, batch = BATCH }: ChaosQueue, puller: Puller): Promise<Delivery[]> {
  const messages = await puller.fetch(batch, PULL_MS)
  for (const { text, at, sequence, attempt } of messages)
    story.delivered(text, at, `${name} ${sequence} attempt ${attempt}`, replaces)
  return messages
}

/** Consumes until the scene is over, well and badly. */
export async function consume({ broker, story, over }: Scene, queue: ChaosQueue, random: Random): Promise<void> {
  const puller = await broker.puller(queue.name)
  while (!over()) {
    const messages = await take(story, queue, puller)
    await Promise.all(messages.map((message) => answer(story, message, queue, pick(random, ANSWERS))))
  }
}

async function answer(
  story: Story,
  message: Delivery,
  { parks }: ChaosQueue,
  how: (typeof ANSWERS)[number][1],
): Promise<void> {
  const id = message.text
  if (how === 'confirm') return confirm(story, message)
  if (how === 'acknowledge') {
    story.acknowledged(id)
    // It may get lost on its way, and then something else become of the message.
    story.failed(id, 'not confirmed')
    return message.answer('+ACK')
  }
  story.failed(id, how)
  if (how === 'giveBack') message.answer('-NAK')
  else if (how === 'giveBackLong') message.answer(parks ? '-NAK {"delay":11000000000}' : '-NAK')
  else if (how === 'reject') message.answer('+TERM chaos')
}

async function confirm(story: Story, message: Delivery): Promise<void> {
  try {
    const said = await message.settle('+ACK', CONFIRM_MS)
    if (said !== '') return story.failed(message.text, said)
    story.acknowledged(message.text)
    story.confirmed(message.text, performance.now())
  } catch {
    // Not confirmed: it may come again, and may be over.
    story.acknowledged(message.text)
  }
}

/** Brings dead letters back, or moves them, or messages, until the scene is over. */
export async function operate(scene: Scene, queue: ChaosQueue, random: Random): Promise<void> {
  const { broker, over } = scene
  const { name, movesTo, movesMessages = false } = queue
  while (!over()) {
    await delay(OPERATE_MS * (0.5 + random()))
    const moves = random() < 0.5 ? movesTo : undefined
    if (moves !== undefined && movesMessages && random() < 0.5) {
      await moveMessages(scene, queue, moves)
      continue
    }
    const body = moves === undefined ? { kind: 'redrive' } : { kind: 'move', from: 'dead-letters', to: moves }
    // Refused while another one is under way, or nobody is there to ask.
    await broker.api
      .request('POST', `/queues/${name}/operations`, { body: JSON.stringify(body) })
      .catch(() => undefined)
  }
}

/** Only acknowledges, until told that nothing is left. */
export async function drain({ broker, story, over }: Scene, queue: ChaosQueue): Promise<void> {
  const puller = await broker.puller(queue.name)
  while (!over()) {
    const messages = await take(story, queue, puller)
    await Promise.all(messages.map((message) => confirm(story, message)))
  }
}
