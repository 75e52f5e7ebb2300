/** What the subject of an acknowledgement says of the delivery that it answers. */
export interface AckSubject {
  readonly stream: string
  readonly consumer: string
  /** Deliveries of the message to this consumer so far, from 1. */
  readonly delivered: number
  readonly streamSequence: number
  /** Which delivery of its consumer this was, from 1. */
  readonly consumerSequence: number
  /** When the message was stored; milliseconds since 1970. */
  readonly storedAt: number
}

/** Names as they stand in a subject, so that they need not be made into strings with each acknowledgement. */
interface Names {
  readonly bytes: Uint8Array
  readonly stream: string
  readonly consumer: string
}

const PREFIX = 'PILLION.ACK.'
/** `<delivered>.<stream seq>.<consumer seq>.<time>.<pending>` */
const NUMBERS = 5
const CONSUMER_SEQUENCE = 3
const TIME = 4
const NS_PER_MS = 1e6
/** Nanoseconds since 1970 have 19 digits. */
const MAX_DIGITS = 19
const DOT = 46
const ZERO = 48

/** A power of two. More lanes than that share places, and are read anew where they meet. */
const PLACES = 1024
const known: Array<Names | undefined> = Array.from({ length: PLACES })

/**
 * Reads `PILLION.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>`; undefined when it is not of
 * that form (a client may publish anything below `$JS.ACK.`).
 */
export function parseAckSubject(subject: string): AckSubject | undefined {
  const bytes = Buffer.from(subject)
  return readAckSubject(bytes, PREFIX.length, bytes.length)
}

/** The same of bytes, from behind the prefix to the end of the subject. Called for each acknowledgement: no string is made of a name that is known. */
export function readAckSubject(bytes: Buffer, from: number, to: number): AckSubject | undefined {
  let hash = 0
  let streamEnd = -1
  let at = from
  for (; at < to; at++) {
    const code = bytes[at] ?? 0
    if (code === DOT) {
      if (streamEnd >= 0) break
      streamEnd = at
    }
    hash = (hash * 31 + code) | 0
  }
  if (streamEnd <= from || at <= streamEnd + 1) return undefined
  const consumerEnd = at
  let delivered = 0
  let streamSequence = 0
  let consumerSequence = 0
  let time = 0
  let numbers = 0
  let value = 0
  let digits = 0
  for (at++; at <= to; at++) {
    const code = at === to ? DOT : (bytes[at] ?? 0)
    if (code === DOT) {
      if (digits === 0) return undefined
      if (++numbers === 1) delivered = value
      else if (numbers === 2) streamSequence = value
      else if (numbers === CONSUMER_SEQUENCE) consumerSequence = value
      else if (numbers === TIME) time = value
      value = 0
      digits = 0
    } else {
      const digit = code - ZERO
      if (digit < 0 || digit > 9 || ++digits > MAX_DIGITS) return undefined
      value = value * 10 + digit
    }
  }
  if (numbers !== NUMBERS || delivered < 1 || streamSequence < 1) return undefined
  if (!Number.isSafeInteger(delivered) || !Number.isSafeInteger(streamSequence)) return undefined
  const place = hash & (PLACES - 1)
  let names = known[place]
  if (names === undefined || !isAt(names.bytes, bytes, from, consumerEnd)) {
    names = {
      bytes: Uint8Array.prototype.slice.call(bytes, from, consumerEnd),
      stream: bytes.toString('latin1', from, streamEnd),
      consumer: bytes.toString('latin1', streamEnd + 1, consumerEnd),
    }
    known[place] = names
  }
  const { stream, consumer } = names
  return { stream, consumer, delivered, streamSequence, consumerSequence, storedAt: time / NS_PER_MS }
}

function isAt(wanted: Uint8Array, bytes: Buffer, from: number, to: number): boolean {
  if (wanted.length !== to - from) return false
  for (let index = 0; index < wanted.length; index++) if (wanted[index] !== bytes[from + index]) return false
  return true
}
