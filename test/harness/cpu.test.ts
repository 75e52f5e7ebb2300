import { expect, test } from 'vitest'
import { cpuSeconds, cpuTicks } from './cpu.ts'

test('user and system time are the 14th and 15th field, whatever the program is called', () => {
  expect(cpuTicks('7 (a) b) R) S 1 7 7 0 -1 4194304 100 2 0 0 250 31 9 9 20 0 11 0 1 1 1')).toBe(281)
  expect(() => cpuTicks('7 (node) S 1')).toThrow('not of the form')
})

test.skipIf(process.platform !== 'linux')('a process that works uses some', async () => {
  const before = await cpuSeconds(process.pid)
  const used = process.cpuUsage()
  let spent = 0
  while (spent < 100_000) {
    const { user, system } = process.cpuUsage(used)
    spent = user + system
  }
  const after = await cpuSeconds(process.pid)
  expect(after - before).toBeGreaterThanOrEqual(0.08)
})
