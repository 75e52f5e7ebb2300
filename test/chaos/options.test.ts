import { expect, test } from 'vitest'
import { readOptions } from './options.ts'

test('reads what is given, and has defaults for the rest', () => {
  expect(readOptions(['--seed', '5', '--kills', '7', '--json'])).toEqual({
    seed: 5,
    kills: 7,
    powerCuts: false,
    json: true,
    workload: 'queues',
    transactions: 0,
    brokers: 2,
  })
  expect(readOptions([])).toMatchObject({ kills: 50, powerCuts: false, json: false })
  expect(readOptions(['--power-cuts'])).toMatchObject({ powerCuts: true })
  expect(readOptions(['tx', '--kills', '7'])).toMatchObject({
    workload: 'tx',
    kills: 7,
    transactions: 140,
    brokers: 2,
  })
  expect(readOptions(['put', '--kills', '7'])).toMatchObject({ workload: 'put', kills: 7 })
  expect(readOptions(['tx', '--transactions', '9', '--brokers', '3'])).toMatchObject({ transactions: 9, brokers: 3 })
})

test.each([
  [['--seed', 'x'], '--seed is "x"'],
  [['--seed', '-1'], "'--seed"],
  [['--kills', '0'], '--kills is "0"; it has to be a whole number from 1 to 10000'],
  [['--transactions', '9'], '--transactions is for tx; write tx before it'],
  [['tx', '--transactions', '0'], '--transactions is "0"; it has to be a whole number from 1 to 100000'],
  [['--brokers', '2'], '--brokers is for tx; write tx before it'],
  [['tx', '--brokers', '4'], '--brokers is "4"; it has to be a whole number from 1 to 3'],
  [['tx', '--power-cuts'], '--power-cuts is not for tx'],
  [['put', '--power-cuts'], '--power-cuts is not for put'],
  [['put', '--transactions', '9'], '--transactions is for tx; write tx before it'],
  [['queues'], '"queues" is not known; write tx or put, or nothing'],
  [['tx', 'tx'], '"tx tx" is not known'],
  [['--speed', '1'], '--speed'],
])('refuses %j', (args, message) => {
  expect(() => readOptions(args)).toThrow(message)
})
