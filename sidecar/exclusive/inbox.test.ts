import { describe, expect, it } from 'vitest'
import { gets, inboxOf } from './inbox.ts'

describe('inboxOf', () => {
  it.each([
    ['_INBOX.Nsj3Dv', '_INBOX.Nsj3Dv'],
    ['_INBOX.Nsj3Dv.1', '_INBOX.Nsj3Dv'],
    ['_INBOX.team.Nsj3Dv.12', '_INBOX.team.Nsj3Dv'],
    ['_INBOX.Nsj3Dv.x1', '_INBOX.Nsj3Dv.x1'],
  ])('%s is answered in the inbox %s', (reply, inbox) => {
    expect(inboxOf(reply)).toBe(inbox)
  })
})

describe('gets', () => {
  it.each([
    ['_INBOX.a', '_INBOX.a', true],
    ['_INBOX.a.*', '_INBOX.a.1', true],
    ['_INBOX.a.*', '_INBOX.a', false],
    ['_INBOX.a.*', '_INBOX.a.1.2', false],
    ['_INBOX.>', '_INBOX.a.1', true],
    ['_INBOX.a.>', '_INBOX.a', false],
    ['_INBOX.b', '_INBOX.a', false],
  ])('%s and %s: %s', (subscription, subject, does) => {
    expect(gets(subscription, subject)).toBe(does)
  })
})
