import type { Source } from '../../crds/protocol/browse.ts'
import { DEAD_LETTER_REASONS, type OperationRequest, type Selection } from '../../crds/protocol/operation.ts'
import { type Invocation, UsageError, whole } from './command.ts'
import { follow } from './progress.ts'

/** Of the commands that operate on many messages. */
export const SELECTING = {
  reason: { type: 'string' },
  'older-than': { type: 'string' },
  subject: { type: 'string' },
  header: { type: 'string' },
  count: { type: 'string' },
  rate: { type: 'string' },
  'dry-run': { type: 'boolean' },
} as const

export const SELECTING_USAGE =
  '[--reason <reason>] [--older-than <duration>] [--subject <pattern>] [--header <name>[=<value>]] [--count <n>] [--rate <n>] [--dry-run]'

function selection(invocation: Invocation): Selection {
  const { text } = invocation
  const given = text('reason')
  const reason = DEAD_LETTER_REASONS.find((known) => known === given)
  if (given !== undefined && reason === undefined) {
    throw new UsageError(`--reason is "${given}"; it has to be one of ${DEAD_LETTER_REASONS.join(', ')}`)
  }
  const [olderThan, subject, header, count] = [
    text('older-than'),
    text('subject'),
    text('header'),
    whole(invocation, 'count'),
  ]
  const [name = '', ...value] = header?.split('=') ?? []
  return {
    ...(reason === undefined ? {} : { reason }),
    ...(olderThan === undefined ? {} : { olderThan }),
    ...(subject === undefined ? {} : { subject }),
    ...(header === undefined ? {} : { header: { name, ...(value.length === 0 ? {} : { value: value.join('=') }) } }),
    ...(count === undefined ? {} : { count }),
  }
}

interface What {
  readonly kind: OperationRequest['kind']
  readonly from: Source
  readonly to?: string
}

/** Begins an operation, shows how far it is, and tells its end; exit code 1 where it did not succeed. */
export async function operate(invocation: Invocation, queue: string, { kind, from, to }: What): Promise<number> {
  const { backend, flag, print, signal } = invocation
  const ratePerSecond = whole(invocation, 'rate')
  const dryRun = flag('dry-run')
  const request: OperationRequest = {
    kind,
    from,
    ...(to === undefined ? {} : { to }),
    select: selection(invocation),
    ...(ratePerSecond === undefined ? {} : { ratePerSecond }),
    dryRun,
  }
  const there = await backend()
  const operation = await follow(there, queue, await there.operate(queue, request), signal)
  const { state, done, message } = operation
  const what = `${done} ${done === 1 ? 'message' : 'messages'}`
  const text = dryRun ? `${what} would be done` : `${kind}: ${what}, ${state.toLowerCase()}`
  print(message === '' ? text : `${text}; ${message}`, operation)
  return state === 'Succeeded' ? 0 : 1
}
