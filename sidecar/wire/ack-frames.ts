import { type AckSubject, parseAckSubject } from './ack-subject.ts'
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
const PAYLOAD_AT = 4
const LF = 10
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
      const lineEnd = bytes.indexOf(LF, at)
      if (lineEnd < 0) break
      const next = lineEnd + 1 + payloadSize(bytes, at, lineEnd)
      if (!isAck(bytes, at)) {
        this.#skip = Math.max(0, next - bytes.length)
        at = Math.min(next, bytes.length)
        continue
      }
      if (next > bytes.length) break
      const line = bytes.toString('latin1', at + PAYLOAD_AT, lineEnd - 1)
      const ack = parseAckSubject(line.slice(0, line.indexOf(' ')))
      if (ack !== undefined) {
        if (at > from) yield bytes.subarray(from, at)
        this.#handle(ack, { data: payload(bytes, lineEnd + 1, next - 2), reply: replyOf(line) })
        from = next
      }
      at = next
    }
    if (at > from) yield bytes.subarray(from, at)
    // A copy, since what it is a part of is much larger.
    if (at < bytes.length) this.#carry = Buffer.from(bytes.subarray(at))
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

/** `<subject> <sid> [<reply>] <size>` */
function replyOf(line: string): string {
  const sid = line.indexOf(' ')
  const third = line.indexOf(' ', sid + 1)
  const fourth = line.indexOf(' ', third + 1)
  return fourth < 0 ? '' : line.slice(third + 1, fourth)
}
