import { expect, test } from 'vitest'
import { readOptions } from './options.ts'

test('reads what is given, and has defaults for the rest', () => {
  expect(readOptions(['--seed', '5', '--kills', '7', '--json'])).toEqual({
    seed: 5,
    kills: 7,
    powerCuts: false,
    json: true,
  })
  expect(readOptions([])).toMatchObject({ kills: 50, powerCuts: false, json: false })
  expect(readOptions(['--power-cuts'])).toMatchObject({ powerCuts: true })
})

test.each([
  [['--seed', 'x'], '--seed is "x"'],
  [['--seed', '-1'], "'--seed"],
  [['--kills', '0'], '--kills is "0"; it has to be a whole number from 1 to 10000'],
  [['--speed', '1'], '--speed'],
])('refuses %j', (args, message) => {
  expect(() => readOptions(args)).toThrow(message)
})
