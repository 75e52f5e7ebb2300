import { isUtf8 } from 'node:buffer'
import type { BrowsedMessage } from '../../crds/protocol/browse.ts'
import type { StoredMessage } from '../jetstream/stored-message.ts'

/** A stored message as JSON shows it. Pure. */
export function present(message: StoredMessage, subject: string, maxBytes: number | undefined): BrowsedMessage {
  const { data } = message
  const isText = isUtf8(data)
  const cut = maxBytes === undefined || maxBytes >= data.length ? data : data.subarray(0, cutAt(data, maxBytes, isText))
  return {
    sequence: message.seq,
    subject,
    time: message.time.toISOString(),
    headers: headersOf(message.headers),
    size: data.length,
    body: Buffer.from(cut).toString(isText ? 'utf8' : 'base64'),
    encoding: isText ? 'text' : 'base64',
    truncated: cut.length < data.length,
  }
}

/** Text is cut between characters: bytes 10xxxxxx go on with one. */
function cutAt(data: Uint8Array, maxBytes: number, isText: boolean): number {
  let end = maxBytes
  if (isText) while (end > 0 && ((data[end] ?? 0) & 0xc0) === 0x80) end--
  return end
}

function headersOf(own: StoredMessage['headers']): Record<string, string[]> {
  const all = new Map<string, string[]>()
  for (const [key, value] of own) all.set(key, [...(all.get(key) ?? []), value])
  return Object.fromEntries(all)
}
