import type { Source } from '../../../crds/protocol/browse.ts'
import { type Command, type Invocation, only, whole } from '../command.ts'
import { table } from '../table.ts'

/** Bodies are shown so long. Bytes. */
const SHOWN = 120

/** The oldest messages or dead letters, without consuming them. */
export async function show(invocation: Invocation, source: Source): Promise<number> {
  const { backend, json, print, text } = invocation
  const queue = only(invocation, 'the name of the queue')
  const subject = text('subject')
  const page = await (await backend()).browse(queue, source, {
    limit: String(whole(invocation, 'count') ?? 10),
    from: String(whole(invocation, 'from') ?? 1),
    ...(subject === undefined ? {} : { subject }),
    ...(json ? {} : { maxBytes: String(SHOWN) }),
  })
  const rows = page.messages.map(({ sequence, time, subject, headers, body, encoding, truncated }) => [
    sequence,
    time,
    subject,
    ...(source === 'dead-letters' ? [headers['Pillion-Dead-Letter-Reason']?.[0] ?? ''] : []),
    `${encoding === 'base64' ? 'base64 ' : ''}${body.replaceAll(/\s+/g, ' ')}${truncated ? '…' : ''}`,
  ])
  const reason = source === 'dead-letters' ? ['REASON'] : []
  const more = page.next === null ? '' : `\n${page.total} in all; the next with --from ${page.next}`
  print(`${table(['SEQUENCE', 'TIME', 'SUBJECT', ...reason, 'BODY'], rows)}${more}`, page)
  return 0
}

export const BROWSING = { count: { type: 'string' }, from: { type: 'string' }, subject: { type: 'string' } } as const
export const BROWSING_USAGE = '<queue> [--count <n>] [--from <sequence>] [--subject <pattern>]'

export const peek: Command = {
  name: 'peek',
  usage: BROWSING_USAGE,
  summary: 'shows the oldest messages without consuming them',
  options: BROWSING,
  run: (invocation) => show(invocation, 'messages'),
}
