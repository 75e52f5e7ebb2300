import { expect, it } from 'vitest'
import { joinWaiting } from './join-waiting.ts'

it('requests join the work that waits, not the work that has begun', async () => {
  let last = Promise.resolve()
  const enqueue = (work: () => Promise<void>): Promise<void> => (last = last.then(work))
  const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  let begun = 0
  const ask = joinWaiting(enqueue, () => gates[begun++]?.promise ?? Promise.resolve())
  const first = [ask(), ask(), ask()]
  await new Promise(setImmediate)
  expect(begun).toBe(1)
  const second = [ask(), ask()]
  gates[0]?.resolve()
  await Promise.all(first)
  await new Promise(setImmediate)
  expect(begun).toBe(2)
  gates[1]?.resolve()
  await Promise.all(second)
  expect(begun).toBe(2)
  await ask()
  expect(begun).toBe(3)
})

it('work that fails tells all who asked for it, and can be asked for again', async () => {
  let fails = true
  const ask = joinWaiting(
    (work) => Promise.resolve().then(work),
    () => (fails ? Promise.reject(new Error('on purpose')) : Promise.resolve()),
  )
  const results = await Promise.allSettled([ask(), ask()])
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  fails = false
  await expect(ask()).resolves.toBeUndefined()
})
