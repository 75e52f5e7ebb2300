import { describe, expect, it } from 'vitest'
import { inboxOf } from './inbox.ts'

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
