import { describe, expect, test } from 'vitest'
import { readOptions, UsageError } from './options.ts'

const benches = {
  consume: { messages: 100_000, quick: 100, peers: true, about: 'speed' },
  latency: { messages: 5000, quick: 200, about: 'time' },
}
const one = (...args: string[]) => readOptions(args, benches).runs[0]?.options

describe('readOptions', () => {
  test('fills in what is left out', () => {
    const { runs, json } = readOptions(['consume'], benches)
    expect({ bench: runs.map(({ bench }) => bench), json }).toEqual({ bench: ['consume'], json: false })
    expect(runs[0]?.options).toMatchObject({
      messages: 100_000,
      size: 256,
      runs: 5,
      durabilities: ['Interval', 'Always'],
      peers: [],
    })
  })

  test('takes as many messages as the bench does unless told', () => {
    expect(one('latency')?.messages).toBe(5000)
    expect(one('latency', '--messages', '700')?.messages).toBe(700)
  })

  test('takes one durability', () => {
    expect(one('consume', '--durability', 'Always')?.durabilities).toEqual(['Always'])
  })

  test('without a name runs every bench, quickly if asked', () => {
    const seen = (...args: string[]) =>
      readOptions(args, benches).runs.map(({ bench, options: { messages, runs } }) => [bench, messages, runs])
    expect(seen()).toEqual([
      ['consume', 100_000, 5],
      ['latency', 5000, 5],
    ])
    expect(seen('--quick')).toEqual([
      ['consume', 100, 1],
      ['latency', 200, 1],
    ])
    expect(seen('--quick', '--runs', '2', '--messages', '300')).toEqual([
      ['consume', 300, 2],
      ['latency', 300, 2],
    ])
  })

  test('gives peers to the benches that measure them, at their durability', () => {
    const { runs } = readOptions(['--peers', 'rabbitmq,redis'], benches)
    expect(runs.map(({ options }) => [options.peers.map(({ name }) => name), options.durabilities])).toEqual([
      [['rabbitmq', 'redis'], ['Always']],
      [[], ['Interval', 'Always']],
    ])
  })

  test.each([
    [['consume', 'latency'], 'say which bench, or none for all: consume or latency'],
    [['produce'], 'say which bench, or none for all: consume or latency'],
    [['consume', '--runs', '0'], '--runs is "0"; it must be a whole number from 1 to 100'],
    [['consume', '--durability', 'Never'], '--durability is "Never"; it must be Interval, Always or both'],
    [['consume', '--mode', 'Lifo'], '--mode is "Lifo"; there is Fifo, KeyedFifo, Priority, Lru, Hierarchical, all'],
    [['consume', '--folder', '/nowhere/at/all'], '--folder needs the folder "/nowhere/at/all", which is not there'],
    [['consume', '--out', '/nowhere/at/all.json'], '--out needs the folder "/nowhere/at", which is not there'],
    [['consume', '--svg', '/nowhere/at/all'], '--svg needs the folder "/nowhere/at/all", which is not there'],
    [['consume', '--peers', 'redis,sqs'], '--peers has "sqs"; there is redis, rabbitmq, artemis, kafka'],
    [['consume', '--peers', 'redis', '--durability', 'both'], '--peers are measured beside --durability Always'],
    [['consume', '--peers', 'redis', '--mode', 'Lru'], '--peers are measured beside --durability Always and --mode'],
    [['latency', '--peers', 'redis'], '--peers cannot be measured by latency'],
  ])('refuses %j', (args, message) => {
    expect(() => readOptions(args, benches)).toThrow(UsageError)
    expect(() => readOptions(args, benches)).toThrow(message)
  })
})
