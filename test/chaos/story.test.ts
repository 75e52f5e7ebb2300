import { expect, test } from 'vitest'
import { Story } from './story.ts'

function story(...tell: Array<(story: Story) => void>): Story {
  const all = new Story()
  for (const one of tell) one(all)
  return all
}

test('a message that was accepted and acknowledged is neither lost nor doubled', () => {
  const { verdict } = story(
    (all) => all.accepted('a'),
    (all) => all.delivered('a', 1),
    (all) => all.acknowledged('a'),
    (all) => all.confirmed('a', 2),
  )
  expect(verdict).toMatchObject({ published: 1, acknowledged: 1, lost: 0, duplicates: 0, deliveries: 1, examples: [] })
})

test('one that was accepted and acknowledged by nobody is lost', () => {
  const all = story(
    (told) => told.accepted('a'),
    (told) => told.delivered('a', performance.now()),
    (told) => told.failed('a'),
  )
  expect(all.open).toEqual(['a'])
  expect(all.verdict).toMatchObject({
    lost: 1,
    examples: [expect.stringMatching(/^lost a: \d+ accepted, \d+ delivered/)],
  })
})

test('one that the broker never confirmed may be there or not', () => {
  expect(story((all) => all.delivered('a', 1)).verdict).toMatchObject({ published: 0, lost: 0 })
})

test('one that nats-server may have brought back is told apart, where one takes the place of another, and only after a kill', () => {
  const doubled = (replaced: boolean, kill: boolean): Story =>
    story(
      (told) => told.accepted('a'),
      (told) => told.confirmed('a', 1),
      (told) => (kill ? told.happened('killed server') : undefined),
      (told) => told.delivered('a', 2, '', replaced),
    )
  expect(doubled(true, true).verdict).toMatchObject({ duplicates: 0, broughtBack: 1 })
  expect(doubled(true, false).verdict).toMatchObject({ duplicates: 1, broughtBack: 0 })
  expect(doubled(false, true).verdict).toMatchObject({ duplicates: 1, broughtBack: 0 })
  const cut = story(
    (told) => told.accepted('a'),
    (told) => told.confirmed('a', 1),
    (told) => told.happened('power cut'),
    (told) => told.delivered('a', 2, '', true),
  )
  expect(cut.verdict).toMatchObject({ duplicates: 0, broughtBack: 1 })
  const besideItsCopy = story(
    (told) => told.accepted('a'),
    (told) => told.happened('killed server'),
    (told) => told.confirmed('a', 1),
    (told) => told.delivered('a', 2, '', true),
  )
  expect(besideItsCopy.verdict).toMatchObject({ duplicates: 0, broughtBack: 1 })
})

test('one that may have been published twice may be there twice', () => {
  const all = story(
    (told) => told.accepted('a'),
    (told) => told.mayBeTwice('a'),
    (told) => told.confirmed('a', 1),
    (told) => told.delivered('a', 2),
  )
  expect(all.verdict.duplicates).toBe(0)
})

test('one that comes after its confirmed acknowledgement is doubled; one that came before it was read is not', () => {
  const confirmed = (at: number): Story =>
    story(
      (all) => all.accepted('a'),
      (all) => all.delivered('a', 1),
      (all) => all.acknowledged('a'),
      (all) => all.confirmed('a', 5),
      (all) => all.delivered('a', at),
    )
  expect(confirmed(6).verdict).toMatchObject({ duplicates: 1, examples: [expect.stringContaining('doubled a')] })
  expect(confirmed(5).verdict).toMatchObject({ duplicates: 0 })
})

test('one that failed may come back after an acknowledgement, but not twice once everybody only acknowledges', () => {
  const all = story(
    (told) => told.accepted('a'),
    (told) => told.failed('a'),
    (told) => told.acknowledged('a'),
    (told) => told.confirmed('a', 1),
    (told) => told.delivered('a', 2),
  )
  expect(all.verdict.duplicates).toBe(0)
  all.ends()
  all.delivered('a', 3)
  all.confirmed('a', 4)
  expect(all.verdict.duplicates).toBe(0)
  all.delivered('a', 5)
  expect(all.verdict.duplicates).toBe(1)
})
