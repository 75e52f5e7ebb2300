import { expect, it } from 'vitest'
import { lossBy } from './loss.ts'

const no = { replaces: false, evicts: false, full: false, mayHaveExpired: false }

it.each([
  ['by none', no, undefined],
  ['by its age', { ...no, mayHaveExpired: true }, 'expired'],
  ['by none, though the Queue is full', { ...no, full: true }, undefined],
  ['by newer ones', { ...no, evicts: true, full: true, mayHaveExpired: true }, 'evicted'],
  ['by its age, of a Queue that has room', { ...no, evicts: true, mayHaveExpired: true }, 'expired'],
  ['by newer ones, of a Queue that had no room', { ...no, evicts: true }, 'evicted'],
  ['by a newer one of its key', { ...no, replaces: true }, 'replaced'],
  ['by its age, of a key', { ...no, replaces: true, mayHaveExpired: true }, 'expired'],
])('a message went %s', (_, circumstances, loss) => expect(lossBy(circumstances)).toBe(loss))
