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

/** Sends a batch, whose last message commits it. @param id of the batch @param reply where nats-server answers it as a whole */
export function writeBatch(out: Outgoing, puts: readonly Put[], id: string, reply: string): void {
  for (const [index, { subject, headerBytes, payload }] of puts.entries()) {
    const isLast = index === puts.length - 1
    // What a message without headers has instead of the end of its own.
    const end = headerBytes === 0 ? LINE_END : ''
    const own = `${FIRST_LINE}Nats-Batch-Id: ${id}\r\nNats-Batch-Sequence: ${index + 1}\r\n${isLast ? 'Nats-Batch-Commit: 1\r\n' : ''}${end}`
    const replaced = headerBytes === 0 ? 0 : FIRST_LINE_BYTES
    const headers = own.length + headerBytes - replaced
    const size = own.length + payload.length - replaced
    out.text(`HPUB ${putSubject(subject)} ${isLast ? `${reply} ` : ''}${headers} ${size}\r\n${own}`)
    out.bytes(replaced === 0 ? payload : payload.subarray(replaced))
    out.text(LINE_END)
  }
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
