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
  /** `<delivered>.<stream seq>.<consumer seq>.<time>.<pending>`, to be passed on as it came. */
  readonly rest: string
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

/**
 * Reads `PILLION.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>`; undefined when it is not of
 * that form (a client may publish anything below `$JS.ACK.`). Called for each acknowledgement: one pass, no intermediate strings.
 */
export function parseAckSubject(subject: string): AckSubject | undefined {
  const streamEnd = subject.indexOf('.', PREFIX.length)
  const consumerEnd = subject.indexOf('.', streamEnd + 1)
  if (streamEnd <= PREFIX.length || consumerEnd <= streamEnd + 1) return undefined
  let delivered = 0
  let streamSequence = 0
  let consumerSequence = 0
  let time = 0
  let numbers = 0
  let value = 0
  let digits = 0
  for (let index = consumerEnd + 1; index <= subject.length; index++) {
    const code = index === subject.length ? DOT : subject.charCodeAt(index)
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
  return {
    stream: subject.slice(PREFIX.length, streamEnd),
    consumer: subject.slice(streamEnd + 1, consumerEnd),
    delivered,
    streamSequence,
    consumerSequence,
    storedAt: time / NS_PER_MS,
    rest: subject.slice(consumerEnd + 1),
  }
}
