import { setTimeout as delay } from 'node:timers/promises'
import type { Disk } from '../harness/disk.ts'
import type { TestBroker } from '../sidecar/harness.ts'
import { pick, type Random } from './random.ts'

const VICTIMS = [
  [5, 'sidecar'],
  [4, 'server'],
  [1, 'both'],
] as const

/** From one start to the next kill, at most; a tenth of them come much sooner. Milliseconds. */
const ALIVE_MS = 800
const SOON_MS = 30
/** From a kill to the start, at most. Milliseconds. */
const AWAY_MS = 200

/** How long what was killed is away, and after how long from its start the sidecar is killed once more, if it is. Milliseconds. */
export interface Away {
  readonly ms: number
  readonly againAfterMs: number | undefined
}

export interface Moment {
  /** Before the kill. Milliseconds. */
  readonly aliveMs: number
  readonly away: Away
}

const anyMoment = (random: Random): Moment => ({
  aliveMs: random() < 0.1 ? random() * SOON_MS : random() * ALIVE_MS,
  away: { ms: random() * AWAY_MS, againAfterMs: undefined },
})

/** kill -9 of the sidecar or of nats-server, or both, at a random moment; returns when both are ready again. */
export async function kill(
  broker: TestBroker,
  random: Random,
  happened: (what: string) => void,
  { aliveMs, away }: Moment = anyMoment(random),
): Promise<(typeof VICTIMS)[number][1]> {
  await delay(aliveMs)
  const victim = pick(random, VICTIMS)
  happened(`killed ${victim}`)
  if (victim !== 'sidecar') await broker.nats.crash()
  if (victim !== 'server') await broker.sidecar.kill()
  await delay(away.ms)
  if (victim !== 'sidecar') await broker.nats.start()
  if (victim !== 'server') await broker.sidecar.start()
  happened('started')
  if (away.againAfterMs !== undefined) {
    await delay(away.againAfterMs)
    await broker.sidecar.kill()
    await broker.sidecar.start()
  }
  await broker.ready()
  happened('ready')
  return victim
}

/** nats-server and the sidecar are gone, and `disk`, which nats-server stores on, is as it was when nats-server stopped. */
export async function losePower(broker: TestBroker, disk: Disk): Promise<void> {
  process.kill(broker.nats.pid, 'SIGSTOP')
  await disk.cut(async () => {
    await broker.nats.crash()
    await broker.sidecar.kill()
  })
}

/** Cuts the power at a random moment; returns when the broker is ready again. */
export async function cutPower(
  broker: TestBroker,
  disk: Disk,
  random: Random,
  happened: (what: string) => void,
): Promise<'power'> {
  await delay(random() < 0.1 ? random() * SOON_MS : random() * ALIVE_MS)
  happened('power cut')
  await losePower(broker, disk)
  await broker.nats.start()
  await broker.sidecar.start()
  happened('started')
  await broker.ready()
  happened('ready')
  return 'power'
}
