import { describe, expect, it } from 'vitest'
import { subjectMatches } from './subject.ts'

describe('a subject pattern', () => {
  it.each([
    ['q.a', 'q.a', true],
    ['q.*', 'q.a', true],
    ['q.*', 'q.a.b', false],
    ['q.>', 'q.a.b', true],
    ['q.>', 'q', false],
    ['q.a.b', 'q.a', false],
    ['>', 'q', true],
  ])('%s, for %s: %s', (pattern, subject, expected) => {
    expect(subjectMatches(pattern, subject)).toBe(expected)
  })
})

describe('a subscription', () => {
  it.each([
    ['_INBOX.a', '_INBOX.a', true],
    ['_INBOX.a.*', '_INBOX.a.1', true],
    ['_INBOX.a.*', '_INBOX.a', false],
    ['_INBOX.a.*', '_INBOX.a.1.2', false],
    ['_INBOX.>', '_INBOX.a.1', true],
    ['_INBOX.a.>', '_INBOX.a', false],
    ['_INBOX.b', '_INBOX.a', false],
  ])('%s and %s: %s', (subscription, subject, does) => {
    expect(subjectMatches(subscription, subject)).toBe(does)
  })
})
