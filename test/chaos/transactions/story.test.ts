import { expect, test } from 'vitest'
import { TxStory, WRONGS } from './story.ts'

const SENDS = [
  { queue: 'one', rest: '', body: 't/0' },
  { queue: 'one', rest: '', body: 't/1' },
  { queue: 'two', rest: '', body: 't/2' },
]
const CAUSE = { queue: 'from', sequence: 9 }

/** A transaction of three sends and an acknowledgement, committed as it should be but for what `change` adds. */
function committed(change: (story: TxStory) => void = () => undefined): TxStory {
  const story = new TxStory()
  story.delivered(CAUSE, 'cause', 1)
  story.began('t', SENDS, [CAUSE])
  story.askedToCommit('t', 2)
  story.told('t', 'Committed', 5)
  story.ended('t', 'Committed')
  change(story)
  return story
}

function arrives(story: TxStory): void {
  for (const [queue, sequence, text] of [
    ['one', 4, 't/0'],
    ['one', 5, 't/1'],
    ['two', 7, 't/2'],
  ] as const) {
    story.delivered({ queue, sequence }, text, 6)
    story.acknowledged({ queue, sequence }, 7)
  }
}

/** What is wrong, and how often; nothing of what is right. */
const wrong = ({ verdict }: TxStory): Record<string, number> =>
  Object.fromEntries(WRONGS.filter((name) => verdict[name] > 0).map((name) => [name, verdict[name]]))

test('nothing is wrong with one that is wholly there, or wholly absent', () => {
  const there = committed(arrives)
  expect(wrong(there)).toEqual({})
  expect(there.verdict).toMatchObject({
    transactions: 1,
    committed: 1,
    aborted: 0,
    sends: 3,
    acknowledged: 1,
    messages: 4,
  })
  const absent = new TxStory()
  absent.delivered(CAUSE, 'cause', 1)
  absent.began('t', SENDS, [CAUSE])
  absent.ended('t', 'Aborted')
  absent.delivered(CAUSE, 'cause', 9)
  absent.acknowledged(CAUSE, 10)
  expect(wrong(absent)).toEqual({})
})

test.each<[string, (story: TxStory) => void, Record<string, number>]>([
  ['no send came', () => undefined, { lost: 3 }],
  [
    'one send did not come',
    (story) => {
      arrives(story)
      story.began('u', [...SENDS, { queue: 'two', rest: '', body: 'u/3' }], [])
      story.ended('u', 'Committed')
      story.askedToCommit('u', 3)
    },
    { lost: 1, partial: 1 },
  ],
  [
    'it is aborted in the end',
    (story) => {
      arrives(story)
      story.ended('t', 'Aborted')
    },
    { contradicted: 1, leaked: 3, vanished: 1 },
  ],
  [
    'it is not decided',
    (story) => {
      arrives(story)
      story.ended('t', 'Undecided')
    },
    { undecided: 1, vanished: 1 },
  ],
  [
    'a send is there twice',
    (story) => {
      arrives(story)
      story.delivered({ queue: 'one', sequence: 8 }, 't/0', 9)
      story.acknowledged({ queue: 'one', sequence: 8 }, 10)
    },
    { doubled: 1 },
  ],
  [
    'a send came before it was asked for',
    (story) => {
      story.delivered({ queue: 'one', sequence: 4 }, 't/0', 1.5)
      arrives(story)
    },
    { early: 1 },
  ],
  [
    'something is between its sends',
    (story) => {
      story.delivered({ queue: 'one', sequence: 3 }, 't/0', 6)
      story.acknowledged({ queue: 'one', sequence: 3 }, 7)
      story.delivered({ queue: 'one', sequence: 5 }, 't/1', 6)
      story.acknowledged({ queue: 'one', sequence: 5 }, 7)
      story.delivered({ queue: 'two', sequence: 7 }, 't/2', 6)
      story.acknowledged({ queue: 'two', sequence: 7 }, 7)
    },
    { apart: 1 },
  ],
  [
    'a send was acknowledged by nobody',
    (story) => {
      arrives(story)
      story.delivered({ queue: 'two', sequence: 8 }, 'other', 9)
    },
    { vanished: 1 },
  ],
  [
    'what it consumed is consumed by another',
    (story) => {
      arrives(story)
      story.began('u', [], [CAUSE])
      story.ended('u', 'Committed')
    },
    { consumedTwice: 1 },
  ],
  [
    'what it consumed comes again',
    (story) => {
      arrives(story)
      story.delivered(CAUSE, 'cause', 2000)
    },
    { consumedTwice: 1 },
  ],
])('tells that %s', (_, change, expected) => {
  expect(wrong(committed(change))).toEqual(expected)
})

test('a transaction that acknowledges two deliveries of a message consumes it once', () => {
  const twice = committed((story) => {
    story.began('u', [], [CAUSE, CAUSE])
    story.ended('u', 'Committed')
  })
  const once = committed((story) => {
    story.began('u', [], [CAUSE])
    story.ended('u', 'Committed')
  })
  expect(wrong(twice)).toEqual(wrong(once))
})

test('what comes later need not be next to the others, and not before its time', () => {
  const later = (at: number): TxStory => {
    const story = new TxStory()
    const headers = { 'Pillion-Delay': '100ms' }
    story.began('t', [...SENDS.slice(0, 2), { queue: 'one', rest: '', body: 't/later', headers }], [])
    story.askedToCommit('t', 2)
    story.ended('t', 'Committed')
    for (const [sequence, text] of [
      [4, 't/0'],
      [5, 't/1'],
      [9, 't/later'],
    ] as const) {
      story.delivered({ queue: 'one', sequence }, text, sequence === 9 ? at : 6)
      story.acknowledged({ queue: 'one', sequence }, 200)
    }
    return story
  }
  expect(wrong(later(102))).toEqual({})
  expect(wrong(later(50))).toEqual({ early: 1 })
})

test('who has a message in hand beside a transaction may acknowledge it after that, not before', () => {
  const acknowledgedAt = (at: number): TxStory =>
    committed((story) => {
      arrives(story)
      story.acknowledged(CAUSE, at)
    })
  expect(wrong(acknowledgedAt(6))).toEqual({})
  expect(wrong(acknowledgedAt(1.5))).toEqual({ consumedTwice: 1 })
})

test('one that ends otherwise than its client says is told', () => {
  const wished = (end: 'Committed' | 'Aborted'): TxStory =>
    committed((story) => {
      arrives(story)
      story.wished('t', end)
    })
  expect(wrong(wished('Committed'))).toEqual({})
  expect(wrong(wished('Aborted'))).toEqual({ contradicted: 1 })
})

test('an acknowledgement that was not confirmed may have ended a message, or not', () => {
  const story = committed(arrives)
  story.delivered({ queue: 'two', sequence: 8 }, 'other', 9)
  story.acknowledged({ queue: 'two', sequence: 8 }, undefined)
  expect(wrong(story)).toEqual({})
})
