import { describe, expect, test } from 'vitest'
import { readOptions, UsageError } from './options.ts'

const benches = { consume: { messages: 100_000, about: 'speed' }, latency: { messages: 5000, about: 'time' } }

describe('readOptions', () => {
  test('fills in what is left out', () => {
    const { bench, options, json } = readOptions(['consume'], benches)
    expect({ bench, json }).toEqual({ bench: 'consume', json: false })
    expect(options).toMatchObject({ messages: 100_000, size: 256, runs: 5, durabilities: ['Interval', 'Always'] })
  })

  test('takes as many messages as the bench does unless told', () => {
    expect(readOptions(['latency'], benches).options.messages).toBe(5000)
    expect(readOptions(['latency', '--messages', '700'], benches).options.messages).toBe(700)
  })

  test('takes one durability', () => {
    expect(readOptions(['consume', '--durability', 'Always', '--json'], benches)).toMatchObject({
      json: true,
      options: { durabilities: ['Always'] },
    })
  })

  test.each([
    [[], 'say which bench: consume or latency'],
    [['produce'], 'say which bench: consume or latency'],
    [['consume', '--runs', '0'], '--runs is "0"; it must be a whole number from 1 to 100'],
    [['consume', '--durability', 'Never'], '--durability is "Never"; it must be Interval, Always or both'],
    [['consume', '--mode', 'Lifo'], '--mode is "Lifo"; there is Fifo, KeyedFifo, Priority, Lru, Hierarchical, all'],
    [['consume', '--folder', '/nowhere/at/all'], '--folder is "/nowhere/at/all", which is not there'],
  ])('refuses %j', (args, message) => {
    expect(() => readOptions(args, benches)).toThrow(UsageError)
    expect(() => readOptions(args, benches)).toThrow(message)
  })
})
