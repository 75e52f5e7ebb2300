import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FakeClock, settle } from '../../test/operator/harness/fake-clock.ts'
import { WorkQueue } from './work-queue.ts'

const backoff = { initialMs: 100, factor: 2, maxMs: 1600, jitter: 0.5 }

/** A queue whose work is ended by hand. */
function harness(options: { workers?: number; random?: () => number } = {}) {
  const clock = new FakeClock()
  const begun: string[] = []
  const open = new Map<string, { end: (again?: number) => void; fail: (error?: Error) => void }>()
  const errors: unknown[] = []
  let overlap = false
  const queue = new WorkQueue({
    clock,
    workers: options.workers ?? 2,
    backoff,
    random: options.random ?? (() => 0),
    onError: (_key, error) => errors.push(error),
    work: (key) => {
      if (open.has(key)) overlap = true
      begun.push(key)
      return new Promise((resolve, reject) => {
        open.set(key, {
          end: (again) => {
            open.delete(key)
            resolve(again)
          },
          fail: (error = new Error('no')) => {
            open.delete(key)
            reject(error)
          },
        })
      })
    },
  })
  queue.start()
  return { clock, queue, begun, open, errors, overlapped: () => overlap }
}

describe('WorkQueue', () => {
  it('works once on a key that was added many times while it waited', async () => {
    const { queue, begun, open } = harness({ workers: 1 })
    queue.add('busy')
    for (let i = 0; i < 5; i += 1) queue.add('a')
    expect(queue.depth).toBe(1)
    open.get('busy')?.end()
    await settle()
    open.get('a')?.end()
    await settle()
    expect(begun).toEqual(['busy', 'a'])
  })

  it('works once more on a key that was added while it was worked on', async () => {
    const { queue, begun, open } = harness()
    queue.add('a')
    queue.add('a')
    queue.add('a')
    expect(begun).toEqual(['a'])
    open.get('a')?.end()
    await settle()
    expect(begun).toEqual(['a', 'a'])
    open.get('a')?.end()
    await settle()
    expect(begun).toEqual(['a', 'a'])
  })

  it('doubles the wait after each failure up to the most, and starts over after a success', async () => {
    const { clock, queue, begun, open, errors } = harness()
    queue.add('a')
    for (const wait of [100, 200, 400, 800, 1600, 1600]) {
      open.get('a')?.fail()
      const before = begun.length
      await clock.pass(wait - 1)
      expect(begun).toHaveLength(before)
      await clock.pass(1)
      expect(begun).toHaveLength(before + 1)
    }
    expect(errors).toHaveLength(6)
    open.get('a')?.end()
    await settle()
    queue.add('a')
    open.get('a')?.fail()
    const before = begun.length
    await clock.pass(100)
    expect(begun).toHaveLength(before + 1)
  })

  it('waits at least as long as the error asks', async () => {
    const clock = new FakeClock()
    let runs = 0
    const queue = new WorkQueue({
      clock,
      workers: 1,
      backoff,
      waitOf: () => 5000,
      onError: () => {},
      work: async () => {
        runs += 1
        throw new Error('busy')
      },
    })
    queue.start()
    queue.add('a')
    await clock.pass(4999)
    expect(runs).toBe(1)
    await clock.pass(1)
    expect(runs).toBe(2)
  })

  it('does not wait for the backoff when the key is added', async () => {
    const { clock, queue, begun, open } = harness()
    queue.add('a')
    open.get('a')?.fail()
    await settle()
    queue.add('a')
    expect(begun).toEqual(['a', 'a'])
    open.get('a')?.end()
    await clock.pass(10_000)
    expect(begun).toEqual(['a', 'a'])
  })

  it('takes the earlier of two times', async () => {
    const { clock, queue, begun } = harness()
    queue.addAfter('a', 500)
    queue.addAfter('a', 200)
    queue.addAfter('a', 900)
    expect(clock.timers).toBe(1)
    await clock.pass(199)
    expect(begun).toEqual([])
    await clock.pass(1)
    expect(begun).toEqual(['a'])
  })

  it('comes back when the work says so', async () => {
    const { clock, queue, begun, open } = harness()
    queue.add('a')
    open.get('a')?.end(30_000)
    await clock.pass(29_999)
    expect(begun).toEqual(['a'])
    await clock.pass(1)
    expect(begun).toEqual(['a', 'a'])
  })

  it('does nothing before it is started', async () => {
    const clock = new FakeClock()
    const begun: string[] = []
    const work = async (key: string) => {
      begun.push(key)
      return undefined
    }
    const queue = new WorkQueue({ clock, workers: 1, backoff, onError: () => {}, work })
    queue.add('a')
    queue.addAfter('b', 10)
    await clock.pass(100)
    expect(begun).toEqual([])
    expect(queue.depth).toBe(2)
    queue.start()
    await settle()
    expect(begun).toEqual(['a', 'b'])
  })

  it('stops: nothing begins, timers are gone, and what is under way is waited for', async () => {
    const { clock, queue, begun, open } = harness({ workers: 1 })
    queue.add('a')
    queue.add('b')
    queue.addAfter('c', 10)
    let stopped = false
    const stop = async () => {
      await queue.stop()
      stopped = true
    }
    const stopping = stop()
    await clock.pass(1000)
    expect(clock.timers).toBe(0)
    expect(stopped).toBe(false)
    queue.add('d')
    open.get('a')?.end(5)
    await stopping
    await clock.pass(1000)
    expect(begun).toEqual(['a'])
    expect(clock.timers).toBe(0)
  })

  const key = fc.constantFrom('a', 'b', 'c', 'd', 'e')
  const step = fc.oneof(
    fc.record({ do: fc.constant('add' as const), key }),
    fc.record({ do: fc.constant('addAfter' as const), key, ms: fc.integer({ min: 0, max: 3000 }) }),
    fc.record({ do: fc.constant('end' as const), key, ms: fc.option(fc.integer({ min: 0, max: 3000 })) }),
    fc.record({ do: fc.constant('fail' as const), key }),
    fc.record({ do: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 2000 }) }),
  )

  it('keeps its contract whatever happens', async () => {
    const randomsOf = fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true }))
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 80 }),
        fc.integer({ min: 1, max: 4 }),
        randomsOf,
        async (steps, workers, randoms) => {
          const random = () => randoms.next().value ?? 0
          const { clock, queue, begun, open, overlapped } = harness({ workers, random })
          /** Keys that were added and on which no work has begun since. */
          const wanted = new Set<string>()
          let seen = 0
          const note = () => {
            for (; seen < begun.length; seen += 1) wanted.delete(begun[seen] ?? '')
          }
          for (const todo of steps) {
            switch (todo.do) {
              case 'add':
                wanted.add(todo.key)
                queue.add(todo.key)
                break
              case 'addAfter':
                queue.addAfter(todo.key, todo.ms)
                break
              case 'end':
                open.get(todo.key)?.end(todo.ms ?? undefined)
                break
              case 'fail':
                open.get(todo.key)?.fail()
                break
              case 'pass':
                await clock.pass(todo.ms)
                break
            }
            await settle()
            note()
            expect(overlapped()).toBe(false)
            expect(open.size).toBeLessThanOrEqual(workers)
            expect(queue.depth === 0 || open.size === workers).toBe(true)
            expect(clock.timers).toBeLessThanOrEqual(5)
          }
          // Nothing that was added is forgotten.
          for (let rounds = 0; open.size > 0 || wanted.size > 0; rounds += 1) {
            expect(rounds).toBeLessThan(200)
            for (const { end } of open.values()) end()
            await clock.pass(3000)
            note()
          }
          await queue.stop()
          expect(clock.timers).toBe(0)
        },
      ),
    )
  })
})
