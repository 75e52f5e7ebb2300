import { describe, expect, it } from 'vitest'
import { forwardingLoop } from './forwarding-loop.ts'

const among = (targets: Readonly<Record<string, string>>) => (queue: string) => targets[queue]

describe('the way of dead letters', () => {
  it('ends where a Queue keeps them, or is not there', () => {
    expect(forwardingLoop('a', undefined, among({}))).toBeUndefined()
    expect(forwardingLoop('a', 'b', among({ b: 'c' }))).toBeUndefined()
  })

  it('comes back, over however many Queues', () => {
    expect(forwardingLoop('a', 'b', among({ b: 'a' }))).toEqual(['a', 'b', 'a'])
    expect(forwardingLoop('a', 'b', among({ b: 'c', c: 'd', d: 'a' }))).toEqual(['a', 'b', 'c', 'd', 'a'])
  })

  it('by what the Queue is to be, not by what it was', () => {
    expect(forwardingLoop('a', 'c', among({ a: 'b', b: 'a', c: 'd' }))).toBeUndefined()
  })

  it('does not look for ever where others go round', () => {
    expect(forwardingLoop('a', 'b', among({ b: 'c', c: 'b' }))).toBeUndefined()
  })
})
