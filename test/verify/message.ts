import { randomBytes } from 'node:crypto'
import type { MessageKey } from './ledger.ts'

/** Bytes that the text of a message needs at most; shorter sizes are refused. */
export const MIN_SIZE = 64

const text = /^pillion-verify ([0-9a-f]{12}) (\d{1,5}) (\d{1,10}) \.*$/

/** Tells the messages of one run from those of others. */
export const newRunId = (): string => randomBytes(6).toString('hex')

export const messageId = (run: string, key: MessageKey): string => `${run}-${key.producer}-${key.number}`

/** The body: what the message is, filled up with dots to `size` bytes. */
export function encodeBody(run: string, key: MessageKey, size: number): string {
  return `pillion-verify ${run} ${key.producer} ${key.number} `.padEnd(size, '.')
}

/** The message of run `run` that `body` says it is, or undefined for another run's, another program's, or a changed body. */
export function decodeBody(run: string, body: string, size: number): MessageKey | undefined {
  const match = text.exec(body)
  if (match === null || match[1] !== run || body.length !== size) return undefined
  return { producer: Number(match[2]), number: Number(match[3]) }
}
