import { jsonOf } from '../wire/json.ts'

/**
 * The producer of a prepared transaction is asked what is to become of it, where it named somebody to ask. Pure: when it is asked next, and
 * what an answer leads to. Nothing but an answer decides: who does not answer so often is left in doubt.
 */

/** When and how often it is asked. Milliseconds. */
export interface CheckBack {
  readonly firstMs: number
  readonly intervalMs: number
  /** As often as it is asked; after that the transaction is in doubt. */
  readonly limit: number
}

export interface Asking {
  /** How often it was asked. */
  readonly asked: number
  /** When it is asked next, or given up. Milliseconds since 1970. */
  readonly askAt: number
}

export const ANSWERS = ['commit', 'abort', 'unknown'] as const
export type Answer = (typeof ANSWERS)[number]

/** @param now when the transaction is prepared; milliseconds since 1970 */
export const firstAsk = (checkBack: CheckBack | undefined, now: number): Asking => ({
  asked: 0,
  askAt: checkBack === undefined ? Number.MAX_SAFE_INTEGER : now + checkBack.firstMs,
})

/** What is to be done now: wait, give up asking, or ask, with what is to be kept of that before. The last question has an interval too. */
export function nextAsk(
  { intervalMs, limit }: CheckBack,
  { asked, askAt }: Asking,
  now: number,
): Asking | 'wait' | 'giveUp' {
  if (now < askAt) return 'wait'
  return asked >= limit ? 'giveUp' : { asked: asked + 1, askAt: now + intervalMs }
}

/** The answer in what was answered, `{"answer": "commit"}`; undefined: it is none. */
export function parseAnswer(text: string): Answer | undefined {
  const json = jsonOf(text)
  if (typeof json !== 'object' || json === null || !('answer' in json)) return undefined
  const { answer } = json
  return ANSWERS.find((known) => known === answer)
}
