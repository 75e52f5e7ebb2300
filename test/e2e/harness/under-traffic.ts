import { formatReport, type Report } from '../../verify/report.ts'
import { runVerifier } from '../../verify/verifier.ts'
import { targetOf } from './broker.ts'
import type { Namespace } from './namespace.ts'
import { secondsSince, tell } from './until.ts'

const MESSAGES = 20_000
/** Messages a second: above the 500 that are asked for, also with an outage in it; slow enough that a fault has traffic on both sides. */
const RATE = 800
/** The fault comes when so many were consumed. */
const FAULT_AFTER = 3000

/**
 * Runs the verifier against a Queue with a broker of its own, and does something to the system while messages flow. Prints the report.
 * @throws Error when the fault itself fails, or was not over before the last message was published: then it did not have traffic after it
 */
export async function underTraffic(namespace: Namespace, queue: string, fault: () => Promise<void>): Promise<Report> {
  const begin = Promise.withResolvers<Report>()
  const stop = new AbortController()
  let latest: Report | undefined
  const running = runVerifier(
    { ...(await targetOf(namespace, queue)), queue, messages: MESSAGES, rate: RATE, producers: 2, consumers: 2 },
    {
      signal: stop.signal,
      onProgress: (report) => {
        latest = report
        if (report.consumed >= FAULT_AFTER) begin.resolve(report)
      },
    },
  )
  running.catch(begin.reject)
  try {
    const before = await begin.promise
    const started = performance.now()
    await fault()
    const after = latest ?? before
    tell(
      `before the fault ${before.rate} msg/s; it took ${secondsSince(started)} s, with ${after.published - before.published} messages published meanwhile`,
    )
    const report = await running
    tell(`verifier on Queue ${queue}:\n${formatReport(report)}`)
    if (after.published >= MESSAGES) throw new Error('the fault was over only after the last message was published')
    return report
  } finally {
    stop.abort()
    await running.catch(() => undefined)
  }
}
