import { setTimeout as delay } from 'node:timers/promises'
import { isFinished, type Operation } from '../../crds/protocol/operation.ts'
import type { Backend } from './backends/backend.ts'

const WIDTH = 30
const LOOK_MS = 250
/** Without a terminal a line so often. Milliseconds. */
const LINE_MS = 10_000

/** `[########----] 1200/15000 done 1200 skipped 3, 100/s`. Pure. @param seconds since it began */
export function bar({ looked, total, done, skipped, state, message }: Operation, seconds: number): string {
  const share = total === 0 ? 1 : Math.min(1, looked / total)
  const full = Math.round(share * WIDTH)
  const rate = seconds > 0 ? `, ${Math.round(done / seconds)}/s` : ''
  const left = skipped === 0 ? '' : ` skipped ${skipped}`
  const waits = state === 'Waiting' && message !== '' ? ` – ${message}` : ''
  return `[${'#'.repeat(full)}${'-'.repeat(WIDTH - full)}] ${looked}/${total} done ${done}${left}${rate}${waits}`
}

/** Shows how far an operation is until it has ended; Ctrl-C cancels it. */
export async function follow(backend: Backend, queue: string, id: string, signal: AbortSignal): Promise<Operation> {
  const { stderr } = process
  const began = performance.now()
  let written = began
  let cancelled = false
  for (;;) {
    const operation = await backend.operation(queue, id)
    const line = bar(operation, (performance.now() - began) / 1000)
    if (stderr.isTTY) stderr.write(`\r${line}\u001B[K`)
    else if (performance.now() - written > LINE_MS) {
      written = performance.now()
      stderr.write(`${line}\n`)
    }
    if (isFinished(operation) || cancelled) {
      if (stderr.isTTY) stderr.write('\r\u001B[K')
      return operation
    }
    await delay(LOOK_MS, undefined, { signal }).catch(() => undefined)
    if (signal.aborted) {
      cancelled = true
      await backend.cancel(queue, id)
      // What was there of it in a cluster is gone now.
      return await backend.operation(queue, id).catch(() => ({ ...operation, state: 'Cancelled' as const }))
    }
  }
}
