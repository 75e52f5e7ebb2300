import { tmpdir } from 'node:os'
import { expect, test } from 'vitest'
import { peersInTurn } from './in-turn.ts'
import { type Peer, PeerMissing } from './peer.ts'

const told = (): void => undefined

test('measures each peer on a folder of its own, ends it, and goes on after one that cannot be had or fails', async () => {
  const folders = new Set<string>()
  let running = 0
  const peer = (name: Peer['name'], changes: Partial<Peer> = {}): Peer => ({
    name,
    install: async () => '1.2',
    start: async (folder) => {
      folders.add(folder)
      running++
      return { server: `${name}://`, stop: async () => void running-- }
    },
    ...changes,
  })
  const missing = peer('rabbitmq', { install: () => Promise.reject(new PeerMissing('no apt-get')) })
  const rates = [30, 40, 10, 20]
  const measure = async (): Promise<number> => rates.shift() ?? Promise.reject(new Error('lost connection'))
  {
    await using peers = await peersInTurn([missing, peer('redis'), peer('kafka')], tmpdir(), measure, told)
    expect([folders.size, running]).toEqual([2, 2])
    for (const run of [1, 2]) for (const turn of peers.turns) await turn(run)
    const [, redis] = peers.turns
    expect(peers.figures()).toEqual({
      rabbitmq: { notRun: 'no apt-get' },
      redis: { version: '1.2', median: 20, runs: [30, 10] },
      kafka: { version: '1.2', median: 30, runs: [40, 20] },
    })

    await redis?.(3)
    expect(running).toBe(1)
    expect(peers.figures()).toMatchObject({ redis: { notRun: 'lost connection' }, kafka: { median: 30 } })
  }
  expect(running).toBe(0)
})
