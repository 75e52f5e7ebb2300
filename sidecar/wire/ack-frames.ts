import { type AckSubject, readAckSubject } from './ack-subject.ts'
import { sizeAfter } from './frame-line.ts'

/** What comes with an acknowledgement beside its subject. */
export interface AckMessage {
  readonly data: Uint8Array
  /** Where an answer is waited for; undefined or empty where it is not. */
  readonly reply?: string
}

/** `MSG PILLION.ACK.`, with which a frame of an acknowledgement begins, unless it has headers. */
const START = Buffer.from('MSG PILLION.ACK.', 'latin1')
const NOTHING = new Uint8Array(0)
/** Nearly every acknowledgement, of which nothing is kept. */
const PLAIN_BODY = Buffer.from('+ACK', 'latin1')
const PLAIN: AckMessage = { data: PLAIN_BODY, reply: '' }
const LF = 10
const CR = 13
const SPACE = 32
const ZERO = 48
const LETTER_H = 72
const LETTER_M = 77

/**
 * Takes the acknowledgements out of what a connection receives, and leaves the rest to the client library as it came and in its
 * place. What the library does for every message of any kind is most of what an acknowledgement would cost here. One that is not
 * quite as expected is left to it as well: it is subscribed to the same subject, and has the same handler.
 */
export class AckFrames {
  readonly #handle: (ack: AckSubject, message: AckMessage) => void
  /** The beginning of a frame that has not come as a whole. */
  #carry: Buffer = Buffer.alloc(0)
  /** Bytes that have not come of a frame that is left to the library. */
  #skip = 0

  constructor(handle: (ack: AckSubject, message: AckMessage) => void) {
    this.#handle = handle
  }

  /** Handles the acknowledgements in what was received next, and yields what lies between them. */
  *rest(chunk: Uint8Array): Generator<Uint8Array> {
    const bytes = this.#withCarried(chunk)
    let from = 0
    let at = Math.min(this.#skip, bytes.length)
    this.#skip -= at
    while (at < bytes.length) {
      const isOfAck = isAck(bytes, at)
      if (isOfAck) {
        if (at > from) yield bytes.subarray(from, at)
        from = at
        at = this.#acks(bytes, at)
        if (at > from) {
          from = at
          continue
        }
      }
      const lineEnd = bytes.indexOf(LF, at)
      if (lineEnd < 0) break
      const next = lineEnd + 1 + payloadSize(bytes, at, lineEnd)
      if (isOfAck && next > bytes.length) break
      this.#skip = Math.max(0, next - bytes.length)
      at = Math.min(next, bytes.length)
    }
    if (at > from) yield bytes.subarray(from, at)
    // A copy, since what it is a part of is much larger.
    if (at < bytes.length) this.#carry = Buffer.from(bytes.subarray(at))
  }

  /** Handles acknowledgements that follow each other, and returns where the first frame begins that is none, or not a whole one. */
  #acks(bytes: Buffer, first: number): number {
    let from = first
    while (isAck(bytes, from)) {
      const subjectFrom = from + START.length
      const subjectEnd = wordEnd(bytes, subjectFrom)
      const sidEnd = wordEnd(bytes, subjectEnd + 1)
      let sizeFrom = sidEnd + 1
      let lineEnd = wordEnd(bytes, sizeFrom)
      let reply = ''
      if (bytes[lineEnd] === SPACE) {
        reply = bytes.toString('latin1', sizeFrom, lineEnd)
        sizeFrom = lineEnd + 1
        lineEnd = wordEnd(bytes, sizeFrom)
      }
      if (bytes[lineEnd] !== CR || bytes[lineEnd + 1] !== LF) break
      const payloadFrom = lineEnd + 2
      const payloadEnd = payloadFrom + numberAt(bytes, sizeFrom, lineEnd)
      if (payloadEnd < payloadFrom || payloadEnd + 2 > bytes.length) break
      const ack = readAckSubject(bytes, subjectFrom, subjectEnd)
      if (ack === undefined) break
      const isPlain = reply === '' && isPlainBody(bytes, payloadFrom, payloadEnd)
      this.#handle(ack, isPlain ? PLAIN : { data: payload(bytes, payloadFrom, payloadEnd), reply })
      from = payloadEnd + 2
    }
    return from
  }

  #withCarried(chunk: Uint8Array): Buffer {
    if (this.#carry.length === 0) return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    const bytes = Buffer.concat([this.#carry, chunk])
    this.#carry = Buffer.alloc(0)
    return bytes
  }
}

function isAck(bytes: Buffer, at: number): boolean {
  for (let index = 0; index < START.length; index++) if (bytes[at + index] !== START[index]) return false
  return true
}

/** Of the message that the line begins, with its line end; 0 for a line that begins none. */
function payloadSize(bytes: Buffer, at: number, lineEnd: number): number {
  if (bytes[at] !== LETTER_M && bytes[at] !== LETTER_H) return 0
  return sizeAfter(bytes, at, lineEnd)
}

const payload = (bytes: Buffer, from: number, to: number): Uint8Array =>
  from === to ? NOTHING : bytes.subarray(from, to)

/** Where the word that begins at `from` ends. */
function wordEnd(bytes: Buffer, from: number): number {
  let at = from
  while (at < bytes.length && (bytes[at] ?? 0) > SPACE) at++
  return at
}

function numberAt(bytes: Buffer, from: number, to: number): number {
  let value = 0
  for (let at = from; at < to; at++) value = value * 10 + (bytes[at] ?? 0) - ZERO
  return value
}

function isPlainBody(bytes: Buffer, from: number, to: number): boolean {
  if (to - from !== PLAIN_BODY.length) return false
  for (let index = 0; index < PLAIN_BODY.length; index++) if (bytes[from + index] !== PLAIN_BODY[index]) return false
  return true
}
