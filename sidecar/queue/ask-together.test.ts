import { expect, it } from 'vitest'
import { askTogether } from './ask-together.ts'

it('asks once for all who ask at the same time, and anew for those who ask once the question is sent', async () => {
  let asked = 0
  const answers: Array<(value: number) => void> = []
  const ask = askTogether(() => {
    const number = ++asked
    return new Promise<number>((resolve) => answers.push(() => resolve(number)))
  })
  const first = [ask(), ask()]
  await Promise.resolve()
  const second = [ask(), ask(), ask()]
  answers[0]?.(0)
  expect(await Promise.all(first)).toEqual([1, 1])
  await Promise.resolve()
  answers[1]?.(0)
  expect(await Promise.all(second)).toEqual([2, 2, 2])
  expect(asked).toBe(2)
})

it('goes on after a question that failed', async () => {
  let asked = 0
  const ask = askTogether(() => (++asked === 1 ? Promise.reject(new Error('no answer')) : Promise.resolve(asked)))
  await expect(ask()).rejects.toThrow('no answer')
  await expect(ask()).resolves.toBe(2)
})
