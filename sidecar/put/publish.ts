import { putSubject } from '../../crds/protocol/subjects.ts'
import { NO_RESPONDERS } from './answer.ts'
import type { Frame } from './frames.ts'
import { type Asked, FIRST_LINE_BYTES } from './headers.ts'
import type { Outgoing } from './outgoing.ts'

/** A publish of a client. */
export interface Put extends Asked {
  /** The Queue's, as `q.orders`. */
  readonly subject: string
  /** Empty: nobody waits for an answer. */
  readonly reply: string
  /** How much of the payload is headers. Bytes. */
  readonly headerBytes: number
  readonly payload: Buffer
}

const LINE_END = '\r\n'
const FIRST_LINE = 'NATS/1.0\r\n'
const EMPTY = Buffer.alloc(0)

/** Sends it on as it is. @param reply where nats-server answers it; empty: nowhere */
export function writeSingle(out: Outgoing, { subject, headerBytes, payload }: Put, reply: string): void {
  const to = `${putSubject(subject)} ${reply === '' ? '' : `${reply} `}`
  out.text(
    headerBytes === 0
      ? `PUB ${to}${payload.length}${LINE_END}`
      : `HPUB ${to}${headerBytes} ${payload.length}${LINE_END}`,
  )
  out.bytes(payload)
  out.text(LINE_END)
}

/** Sends some messages of a batch, and does not commit it. @param id of the batch */
export function writeStaged(
  out: Outgoing,
  puts: readonly Put[],
  { id, from, to }: { id: string; from: number; to: number },
): void {
  for (let index = from; index < to; index++) {
    const put = puts[index]
    if (put !== undefined) writeInBatch(out, put, { id, number: index + 1 })
  }
}

/**
 * Sends a batch, whose last message commits it.
 *
 * @param id of the batch
 * @param reply where nats-server answers it as a whole
 * @param staged how many of its messages nats-server has
 */
export function writeBatch(
  out: Outgoing,
  puts: readonly Put[],
  { id, reply, staged }: { id: string; reply: string; staged: number },
): void {
  const last = puts.at(-1)
  if (last === undefined) return
  if (staged === puts.length) {
    // It has all of it, and is only told that there is no more.
    const end = { ...last, headerBytes: 0, payload: EMPTY }
    return writeInBatch(out, end, { id, number: staged + 1, commit: { how: 'eob', reply } })
  }
  writeStaged(out, puts, { id, from: staged, to: puts.length - 1 })
  writeInBatch(out, last, { id, number: puts.length, commit: { how: '1', reply } })
}

interface Place {
  /** Of the batch. */
  readonly id: string
  /** In the batch, from 1. */
  readonly number: number
  readonly commit?: { readonly how: '1' | 'eob'; readonly reply: string }
}

function writeInBatch(out: Outgoing, { subject, headerBytes, payload }: Put, { id, number, commit }: Place): void {
  // What a message without headers has instead of the end of its own.
  const end = headerBytes === 0 ? LINE_END : ''
  const last = commit === undefined ? '' : `Nats-Batch-Commit: ${commit.how}\r\n`
  const own = `${FIRST_LINE}Nats-Batch-Id: ${id}\r\nNats-Batch-Sequence: ${number}\r\n${last}${end}`
  const replaced = headerBytes === 0 ? 0 : FIRST_LINE_BYTES
  const headers = own.length + headerBytes - replaced
  const size = own.length + payload.length - replaced
  out.text(`HPUB ${putSubject(subject)} ${commit === undefined ? '' : `${commit.reply} `}${headers} ${size}\r\n${own}`)
  out.bytes(replaced === 0 ? payload : payload.subarray(replaced))
  out.text(LINE_END)
}

/** Gives nats-server's answer to the publisher as it came. */
export function writeAnswer(out: Outgoing, reply: string, { headerBytes, payload }: Frame): void {
  if (reply === '') return
  out.text(
    headerBytes === 0
      ? `PUB ${reply} ${payload.length}${LINE_END}`
      : `HPUB ${reply} ${headerBytes} ${payload.length}${LINE_END}`,
  )
  out.bytes(payload)
  out.text(LINE_END)
}

/** @param text ASCII */
export function writeText(out: Outgoing, reply: string, text: string): void {
  if (reply !== '') out.text(`PUB ${reply} ${text.length}\r\n${text}\r\n`)
}

export function writeNoResponders(out: Outgoing, reply: string): void {
  if (reply !== '') out.text(`HPUB ${reply}${NO_RESPONDERS}`)
}
