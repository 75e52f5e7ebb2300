import { expect, test } from 'vitest'
import { type PutPublisher, PutStory, type Stored } from './story.ts'

const one: PutPublisher = { name: 'one', inFlight: 1, retries: true }
const many: PutPublisher = { name: 'many', inFlight: 5, retries: true }
const careless: PutPublisher = { name: 'careless', inFlight: 1, retries: false }

/** In this order from sequence 1 on. */
const stored = (...texts: string[]): Stored[] =>
  texts.map((text, index) => ({ sequence: index + 1, text, isBatched: index > 0 }))

/** Each is acknowledged with its sequence, where it has one. */
function story(publisher: PutPublisher, ...sequences: Array<number | undefined>): PutStory {
  const told = new PutStory()
  for (const number of sequences.keys()) told.tried(publisher, number)
  for (const [number, sequence] of sequences.entries()) {
    if (sequence === undefined) told.failed(publisher, number)
    else told.acknowledged(publisher, number, sequence)
  }
  return told
}

const NOTHING = { lost: 0, doubled: 0, astray: 0, disordered: 0, unacknowledged: 0, examples: [] }

test('nothing is wrong with what is there once, in order, under its sequence', () => {
  expect(story(many, 1, 2).verdict(stored('many:0', 'many:1'))).toEqual({
    ...NOTHING,
    published: 2,
    acknowledged: 2,
    retried: 0,
    stored: 2,
    batched: 1,
    inFlightAtKill: 0,
  })
})

test.each([
  ['lost', story(many, 1, 2), stored('many:0')],
  ['doubled', story(many, 1, 3), stored('many:0', 'many:0', 'many:1')],
  ['astray', story(many, 1, 3), stored('many:0', 'many:1')],
  ['disordered', story(many, 2, 1), stored('many:1', 'many:0')],
  ['unacknowledged', story(one, 1, undefined), stored('one:0')],
] as const)('sees what is %s', (wrong, told, left) => {
  const verdict = told.verdict(left)
  expect(verdict).toMatchObject({ ...NOTHING, [wrong]: 1, examples: [expect.stringContaining(`${wrong} `)] })
})

test('what nobody was told of may be there or not, but in its order', () => {
  const told = story(careless, undefined, undefined, 1)
  expect(told.verdict(stored('careless:2'))).toMatchObject({ ...NOTHING, acknowledged: 1 })
  expect(told.verdict(stored('careless:2', 'careless:1'))).toMatchObject({ disordered: 1 })
})

test.each([
  [many, 0],
  [one, 1],
])('one that was published again may be anywhere, unless its publisher waited for it: %o', (publisher, disordered) => {
  const told = new PutStory()
  told.tried(publisher, 0)
  told.failed(publisher, 0)
  told.tried(publisher, 0)
  told.acknowledged(publisher, 0, 2)
  told.tried(publisher, 1)
  told.acknowledged(publisher, 1, 1)
  const left = stored(`${publisher.name}:1`, `${publisher.name}:0`)
  expect(told.verdict(left)).toMatchObject({ ...NOTHING, disordered, retried: 1, examples: expect.any(Array) })
})

test('counts what waits at a kill', () => {
  const told = new PutStory()
  told.killed()
  told.tried(many, 0)
  told.tried(many, 1)
  told.killed()
  told.acknowledged(many, 0, 1)
  told.killed()
  expect(told.verdict([]).inFlightAtKill).toBe(1)
})
