import { expect, test } from 'vitest'
import { inTurns } from './turns.ts'

test('each is measured once in a run, and each run begins with another one', async () => {
  const seen: string[] = []
  const told: string[] = []
  const other = (name: string) => async (run: number) => void seen.push(`${name}${run}`)
  const measured = await inTurns(
    [{ name: 'ours' }, { name: 'raw' }],
    4,
    async ({ name }) => seen.push(name),
    (figure, run, { name }) => told.push(`${name} ${run} ${figure}`),
    [other('a'), other('b')],
  )
  expect(seen.join(' ')).toBe('ours raw a1 b1 raw a2 b2 ours a3 b3 ours raw b4 ours raw a4')
  expect(measured).toEqual({ ours: [1, 8, 11, 14], raw: [2, 5, 12, 15] })
  expect(told[2]).toBe('raw 2 5')
})
