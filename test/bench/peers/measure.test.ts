import { tmpdir } from 'node:os'
import { expect, test } from 'vitest'
import { measurePeers } from './measure.ts'
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
  const rates = [30, 10, 20]
  const rate = async () => rates.shift() ?? Number.NaN

  const missing = peer('rabbitmq', { install: () => Promise.reject(new PeerMissing('no apt-get')) })
  expect(await measurePeers([missing, peer('redis')], 3, tmpdir(), rate, told)).toEqual({
    rabbitmq: { notRun: 'no apt-get' },
    redis: { version: '1.2', median: 20, runs: [30, 10, 20] },
  })
  expect(folders.size).toBe(1)

  const fails = () => Promise.reject(new Error('lost connection'))
  expect(await measurePeers([peer('redis')], 3, tmpdir(), fails, told)).toEqual({
    redis: { notRun: 'lost connection' },
  })
  expect(running).toBe(0)
})
