/** What the headers of a publish say about how it may be stored. */
export interface Asked {
  /** Not in a batch: nats-server decides about it by itself, or refuses it there. */
  readonly alone: boolean
  /** Its `Nats-Msg-Id`; empty: it has none. */
  readonly id: string
}

const FIRST_LINE = Buffer.from('NATS/1.0\r\n', 'latin1')
/** The bytes of the first line, after which a batch has headers of its own. */
export const FIRST_LINE_BYTES = FIRST_LINE.length

const LF = 10
const CR = 13
const COLON = 58
const LETTER_N = 78
/** Sets the case of a letter to lower. */
const LOWER = 32

const MESSAGE_ID = 'Nats-Msg-Id'
const TTL = 'Nats-TTL'

const PLAIN: Asked = { alone: false, id: '' }
const ALONE: Asked = { alone: true, id: '' }

/**
 * Looks at the names of headers, and no closer than it has to: whatever begins with `Nats-` and is not known to be possible in a batch
 * goes alone, and so do headers that are not as they should be. Pure.
 *
 * @param headerBytes how much of the payload is headers; 0: none
 */
export function askedBy(payload: Buffer, headerBytes: number): Asked {
  if (headerBytes === 0) return PLAIN
  if (!isWellFormed(payload, headerBytes)) return ALONE
  let id = ''
  for (let at = FIRST_LINE_BYTES; at < headerBytes - 2; ) {
    const end = payload.indexOf(LF, at)
    if (payload[end - 1] !== CR || end - at < 2) return ALONE
    if (((payload[at] ?? 0) | LOWER) === (LETTER_N | LOWER)) {
      const colon = payload.indexOf(COLON, at)
      if (colon < 0 || colon > end) return ALONE
      const name = payload.toString('latin1', at, colon)
      if (name === MESSAGE_ID) id ||= payload.toString('latin1', colon + 1, end - 1).trim()
      else if (name !== TTL && /^nats-/i.test(name)) return ALONE
    }
    at = end + 1
  }
  return id === '' ? PLAIN : { alone: false, id }
}

function isWellFormed(payload: Buffer, headerBytes: number): boolean {
  if (headerBytes < FIRST_LINE_BYTES + 2 || headerBytes > payload.length) return false
  for (let index = 0; index < FIRST_LINE_BYTES; index++) if (payload[index] !== FIRST_LINE[index]) return false
  const end = payload.toString('latin1', headerBytes - 4, headerBytes)
  return end === '\r\n\r\n'
}
