/** What a consumer says of a delivered message, as NATS clients write it on the acknowledgement subject. */
export type Signal =
  | { readonly kind: 'ack' }
  /** Acknowledge, and pull again with `request` (a pull's body) into the reply inbox. */
  | { readonly kind: 'ackNext'; readonly request: string }
  /** Try again; `delayMs` when the consumer named a delay. */
  | { readonly kind: 'nak'; readonly delayMs?: number }
  | { readonly kind: 'progress' }
  | { readonly kind: 'term'; readonly reason?: string }
  | { readonly kind: 'malformed'; readonly message: string }

const PLAIN_ACK: Signal = { kind: 'ack' }
const NS_PER_MS = 1e6
const decoder = new TextDecoder()

/** Reads an acknowledgement's body. Never throws: what cannot be read is `malformed`, with a message for its sender. */
export function parseSignal(body: Uint8Array): Signal {
  // Nearly every body is empty or `+ACK`: those are told apart without decoding.
  if (body.length === 0 || isPlainAck(body)) return PLAIN_ACK
  const text = decoder.decode(body)
  const space = text.indexOf(' ')
  const verb = space < 0 ? text : text.slice(0, space)
  const rest = space < 0 ? '' : text.slice(space + 1).trim()
  switch (verb) {
    case '+ACK':
    case '+OK':
      return PLAIN_ACK
    case '-NAK':
      return rest === '' ? { kind: 'nak' } : parseNak(rest)
    case '+WPI':
      return { kind: 'progress' }
    case '+TERM':
      return rest === '' ? { kind: 'term' } : { kind: 'term', reason: rest }
    case '+NXT':
      return { kind: 'ackNext', request: rest }
    default:
      return malformed(`"${text.slice(0, 40)}" is none of +ACK, -NAK, +WPI, +TERM, +NXT`)
  }
}

const isPlainAck = (b: Uint8Array): boolean =>
  b.length === 4 && b[0] === 0x2b && b[1] === 0x41 && b[2] === 0x43 && b[3] === 0x4b

function parseNak(text: string): Signal {
  let options: unknown
  try {
    options = JSON.parse(text)
  } catch {
    return malformed(
      `-NAK is followed by "${text.slice(0, 40)}", which is not JSON; write -NAK {"delay": <nanoseconds>}`,
    )
  }
  const delay = typeof options === 'object' && options !== null && 'delay' in options ? options.delay : undefined
  if (typeof delay !== 'number' || !Number.isFinite(delay) || delay < 0) {
    return malformed('-NAK needs "delay" as a number of nanoseconds, 0 or more')
  }
  return { kind: 'nak', delayMs: delay / NS_PER_MS }
}

const malformed = (message: string): Signal => ({ kind: 'malformed', message })
