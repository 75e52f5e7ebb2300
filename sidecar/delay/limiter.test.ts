import { fc, test } from '@fast-check/vitest'
import { expect } from 'vitest'
import { Limiter } from './limiter.ts'

test.prop([fc.integer({ min: 1, max: 5 }), fc.array(fc.boolean(), { maxLength: 30 }), fc.scheduler()])(
  'so much runs at a time and no more, in order, also where some of it fails',
  async (most, fails, scheduler) => {
    const limiter = new Limiter(most)
    const begun: number[] = []
    let running = 0
    const all = fails.map((isFailing, n) =>
      limiter.run(async () => {
        begun.push(n)
        running++
        expect(running).toBeLessThanOrEqual(most)
        await scheduler.schedule(Promise.resolve())
        running--
        if (isFailing) throw new Error(String(n))
      }),
    )
    const settled = Promise.allSettled(all)
    expect(running).toBe(Math.min(most, fails.length))
    await scheduler.waitFor(settled)
    expect((await settled).map(({ status }) => status === 'rejected')).toEqual(fails)
    expect(begun).toEqual(fails.map((_, n) => n))
  },
)
