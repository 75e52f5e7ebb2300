import { sizeAfter } from '../wire/frame-line.ts'

/** A message as it came. Its subjects are the bytes that they came in, one a character, and go out so again. */
export interface Frame {
  readonly subject: string
  /** Empty: nobody waits for an answer. */
  readonly reply: string
  /** How much of the payload is headers. Bytes. */
  readonly headerBytes: number
  /** Headers and body. */
  readonly payload: Buffer
}

export interface FrameHandler {
  message(frame: Frame): void
  /** Whatever else nats-server says, without its line end. */
  line(text: string): void
}

const LF = 10
const LETTER_H = 72
const LETTER_M = 77

/** Cuts what a connection receives into messages, with no look into their headers and no copy of what came in one piece. */
export class Frames {
  readonly #handler: FrameHandler
  /** What has come of a frame that has not come as a whole. */
  #parts: Buffer[] = []
  /** So much has to come before it is worth a look. Bytes. */
  #missing = 0

  constructor(handler: FrameHandler) {
    this.#handler = handler
  }

  push(chunk: Buffer): void {
    const bytes = this.#joined(chunk)
    let at = 0
    while (at < bytes.length) {
      const lineEnd = bytes.indexOf(LF, at)
      if (lineEnd < 0) return this.#keep(bytes.subarray(at), 1)
      const isMessage = bytes[at] === LETTER_M || bytes[at] === LETTER_H
      const next = lineEnd + 1 + (isMessage ? sizeAfter(bytes, at, lineEnd) : 0)
      if (next > bytes.length) return this.#keep(bytes.subarray(at), next - bytes.length)
      const line = bytes.toString('latin1', at, lineEnd - 1)
      if (isMessage) this.#handler.message(frameOf(line, bytes.subarray(lineEnd + 1, next - 2)))
      else this.#handler.line(line)
      at = next
    }
  }

  #keep(rest: Buffer, missing: number): void {
    this.#parts = [rest]
    this.#missing = missing
  }

  /** Empty while it would not help to look: a large message comes in many chunks, and is put together once. */
  #joined(chunk: Buffer): Buffer {
    if (this.#parts.length === 0) return chunk
    this.#parts.push(chunk)
    this.#missing -= chunk.length
    if (this.#missing > 0) return chunk.subarray(0, 0)
    const bytes = Buffer.concat(this.#parts)
    this.#parts = []
    return bytes
  }
}

/** `MSG <subject> <sid> [<reply>] <size>` or `HMSG <subject> <sid> [<reply>] <size of headers> <size>` */
function frameOf(line: string, payload: Buffer): Frame {
  const words = line.split(' ')
  const [kind, subject = '', , third = '', fourth = ''] = words
  if (kind === 'MSG') return { subject, reply: words.length > 4 ? third : '', headerBytes: 0, payload }
  const hasReply = words.length > 5
  return { subject, reply: hasReply ? third : '', headerBytes: Number(hasReply ? fourth : third), payload }
}
