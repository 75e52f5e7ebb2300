import { describe, expect, test } from 'vitest'
import { readOptions, UsageError } from './options.ts'

const needed = ['--server', 'nats://127.0.0.1:4222', '--queue', 'orders']

describe('readOptions', () => {
  test('fills in what is left out', () => {
    expect(readOptions(needed)).toEqual({
      json: false,
      options: {
        server: 'nats://127.0.0.1:4222',
        queue: 'orders',
        group: 'workers',
        mode: 'Fifo',
        keys: 64,
        levels: 10,
        maxWaitMs: Number.POSITIVE_INFINITY,
        subQueues: 12,
        marginMs: 100,
        holdMs: 0,
        killConsumers: 0,
        visibilityTimeoutMs: 30_000,
        failoverMs: 10_000,
        oneByOne: false,
        subject: 'q.orders',
        messages: 10_000,
        producers: 1,
        consumers: 1,
        rate: 0,
        size: 256,
        window: 256,
        user: undefined,
        password: undefined,
        ack: 'single',
        foreign: 'refuse',
        settleMs: 90_000,
        giveUpMs: 180_000,
      },
    })
  })

  test('takes every option', () => {
    const { options, json } = readOptions(
      [
        ...needed,
        '--group',
        'g',
        '--subject',
        'q.orders.eu',
        '--messages',
        '5',
        '--producers',
        '2',
        '--consumers',
        '3',
      ].concat(
        ['--rate', '500', '--size', '100', '--window', '9', '--user', 'u', '--password', 'p', '--ack', 'double'],
        ['--foreign', 'ack', '--settle', '10', '--give-up', '20', '--json', '--mode', 'Priority', '--keys', '7'],
        ['--levels', '3', '--max-wait', '2', '--sub-queues', '5', '--margin', '250', '--hold', '40'],
        ['--kill-consumers', '6', '--visibility-timeout', '4', '--failover', '8'],
      ),
    )
    expect(json).toBe(true)
    expect(options).toEqual({
      server: 'nats://127.0.0.1:4222',
      queue: 'orders',
      group: 'g',
      mode: 'Priority',
      keys: 7,
      levels: 3,
      maxWaitMs: 2000,
      subQueues: 5,
      marginMs: 250,
      holdMs: 40,
      killConsumers: 6,
      visibilityTimeoutMs: 4000,
      failoverMs: 8000,
      oneByOne: true,
      subject: 'q.orders.eu',
      messages: 5,
      producers: 2,
      consumers: 3,
      rate: 500,
      size: 100,
      window: 9,
      user: 'u',
      password: 'p',
      ack: 'double',
      foreign: 'ack',
      settleMs: 10_000,
      giveUpMs: 20_000,
    })
  })

  test.each([
    ['Fifo', [], { consumers: 1, oneByOne: false }],
    ['Fifo', ['--kill-consumers', '1'], { consumers: 1, oneByOne: true, holdMs: 0 }],
    ['KeyedFifo', [], { consumers: 4, oneByOne: true, holdMs: 20 }],
    ['Lru', [], { keys: 1000, marginMs: 100 }],
    ['Hierarchical', [], { marginMs: 1500 }],
    ['Exclusive', [], { holdMs: 20 }],
  ])('defaults of mode %s %j', (mode, more, expected) => {
    expect(readOptions([...needed, '--mode', mode, ...more]).options).toMatchObject(expected)
  })

  test.each([
    [['--queue', 'orders'], '--server is needed'],
    [['--server', 'nats://127.0.0.1'], '--queue is needed'],
    [[...needed, '--messages', '0'], '--messages is "0"; it must be a whole number from 1 to 100000000'],
    [[...needed, '--messages', '1.5'], '--messages is "1.5"'],
    [[...needed, '--rate', ''], '--rate is ""'],
    [[...needed, '--size', '63'], '--size is "63"; it must be a whole number from 64'],
    [[...needed, '--ack', 'none'], '--ack is "none"; it must be single or double'],
    [[...needed, '--mode', 'fifo'], '--mode is "fifo"; it must be Fifo or KeyedFifo or Priority'],
    [[...needed, '--levels', '1'], '--levels is "1"; it must be a whole number from 2 to 32'],
    [[...needed, '--nonsense'], '--nonsense'],
  ])('refuses %j', (args, message) => {
    expect(() => readOptions(args)).toThrow(UsageError)
    expect(() => readOptions(args)).toThrow(message)
  })
})
