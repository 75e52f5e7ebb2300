import { type Checks, expect } from './check.ts'
import { numberOf, type Queue } from './queue.ts'

/** Two groups of one Queue. */
export async function groups(checks: Checks, workers: Queue, audit: Queue): Promise<void> {
  await checks.run('second-group', async () => {
    await workers.publish(3, 'second-group')
    const seen = await workers.take(3)
    workers.expectOrder(seen, 3)
    await workers.untilSettled()
    expect('num_pending of the other group', (await audit.consumer.info()).num_pending, 3)
    const again = await audit.take(3)
    audit.expectOrder(again, 3)
    await audit.untilSettled()
    expect(
      'messages of both',
      [...seen, ...again].map(numberOf).toSorted((a, b) => a - b),
      [0, 0, 1, 1, 2, 2],
    )
    expect('delivered again', (await workers.fetch(1, 1000)).length, 0)
    return 'each message to both, at their own pace'
  })
}
