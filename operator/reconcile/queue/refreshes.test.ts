import { describe, expect, it } from 'vitest'
import type { StoredQueue } from '../../kube/resources.ts'
import { Refreshes } from './refreshes.ts'

const counts = (ready: number) => ({ ready, inFlight: 0, delayed: 0, deadLettered: 0 })
const queue = (generation: number, observedGeneration?: number, ready?: number): StoredQueue => ({
  apiVersion: 'pillion.dev/v1alpha1',
  kind: 'Queue',
  metadata: { name: 'orders', uid: 'u', generation },
  status: {
    ...(observedGeneration === undefined ? {} : { observedGeneration }),
    ...(ready === undefined ? {} : { messages: counts(ready) }),
  },
})

describe('Refreshes', () => {
  it('shows new counts when the interval has passed, not before', () => {
    const refreshes = new Refreshes(30_000)
    expect(refreshes.pick(queue(1), counts(1), 0)).toEqual(counts(1))
    expect(refreshes.pick(queue(1, 1, 1), counts(2), 29_999)).toEqual(counts(1))
    expect(refreshes.pick(queue(1, 1, 1), counts(3), 30_000)).toEqual(counts(3))
    expect(refreshes.pick(queue(1, 1, 3), counts(4), 59_999)).toEqual(counts(3))
  })

  it('shows them at once when the spec changed', () => {
    const refreshes = new Refreshes(30_000)
    refreshes.pick(queue(1), counts(1), 0)
    expect(refreshes.pick(queue(2, 1, 1), counts(2), 10)).toEqual(counts(2))
  })

  it('keeps what was shown while nothing is observed', () => {
    expect(new Refreshes(30_000).pick(queue(1, 1, 5), undefined, 0)).toEqual(counts(5))
    expect(new Refreshes(30_000).pick(queue(1), undefined, 0)).toBeUndefined()
  })

  it('knows nothing of a Queue that was forgotten', () => {
    const refreshes = new Refreshes(30_000)
    refreshes.pick(queue(1), counts(1), 0)
    refreshes.forget(queue(1))
    expect(refreshes.pick(queue(1, 1, 1), counts(2), 10)).toEqual(counts(2))
  })
})
