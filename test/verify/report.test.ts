import { describe, expect, test } from 'vitest'
import { Run } from './run.ts'
import { withDefaults } from './options.ts'
import { exitCode, formatReport, type Report } from './report.ts'

const fresh = (changes: Partial<Report> = {}): Report => {
  const run = new Run(withDefaults({ server: 'nats://127.0.0.1', queue: 'orders', messages: 1 }))
  run.ledger.published({ producer: 0, number: 0 })
  run.ledger.acknowledged({ producer: 0, number: 0 })
  run.ledger.delivered({ producer: 0, number: 0, streamSequence: 1, attempt: 1 })
  run.deliveredFirst()
  return { ...run.report(0, false), ...changes }
}

describe('exitCode', () => {
  test.each([
    ['all delivered', {}, 0],
    ['something lost', { lost: 1 }, 1],
    ['out of the order of the mode', { orderViolations: 1 }, 1],
    ['two consumers at once', { overlaps: 1 }, 1],
    ['one consumer at a time', { overlaps: 0 }, 0],
    ['another order than that of publishing is for the mode to judge', { outOfOrder: 9 }, 0],
    ['replaced messages are no loss', { replaced: 4 }, 0],
    ['not all could be published', { unacknowledged: 1 }, 2],
    ['not all were sent', { unsent: 1 }, 2],
    ['stopped', { lost: 5, aborted: true }, 2],
    ['duplicates are no loss', { duplicates: 3, redelivered: 3 }, 0],
  ])('%s', (_, changes, code) => {
    expect(exitCode(fresh(changes))).toBe(code)
  })
})

test('formatReport leaves out what is nought, but for the seven figures', () => {
  const text = formatReport(fresh({ publishRetries: 3, lostIds: ['a', 'b'] }))
  expect(text).toMatch(
    /^published +1\nacknowledged +1\nconsumed +1\nlost +0\nduplicates +0\noutOfOrder +0\norderViolations +0\n/,
  )
  expect(text).toMatch(/^publishRetries +3$/m)
  expect(text).toMatch(/^lostIds +a b$/m)
  expect(text).not.toMatch(/foreign|aborted/)
})
