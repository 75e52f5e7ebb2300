import { expect, test } from 'vitest'
import { Window } from './window.ts'

test('lets so many in, and the next when one leaves, in order', async () => {
  const window = new Window(2)
  const entered: string[] = []
  const enter = async (name: string): Promise<void> => {
    await window.enter()
    entered.push(name)
  }
  await enter('a')
  await enter('b')
  const later = [enter('c'), enter('d')]
  await new Promise(setImmediate)
  expect(entered).toEqual(['a', 'b'])
  window.leave()
  window.leave()
  await Promise.all(later)
  expect(entered).toEqual(['a', 'b', 'c', 'd'])
  window.leave()
  window.leave()
  await window.enter()
})
