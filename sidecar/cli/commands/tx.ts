import type { Decision, KeptTransaction } from '../backends/backend.ts'
import { type Command, type Invocation, only, UsageError } from '../command.ts'
import { table } from '../table.ts'

const BROKER = { broker: { type: 'string' } } as const
/** Of transactions that are of another broker. */
const PART = { ...BROKER, coordinator: { type: 'string' } } as const

export const txList: Command = {
  name: 'tx list',
  usage: '[--broker <name>]',
  summary: 'lists transactions that have not come to their end, and why',
  options: BROKER,
  async run({ backend, text, print }) {
    const all = await (await backend()).transactions(text('broker'))
    const rows = all.map(({ id, broker = '', coordinator, state, startedAt, queues, acks, reason = '' }) => [
      id,
      broker,
      state,
      startedAt,
      Object.values(queues).reduce((sum, { sends }) => sum + sends, 0),
      acks,
      coordinator === undefined ? reason : `part of a transaction of ${coordinator}; ${reason}`,
    ])
    print(table(['ID', 'BROKER', 'STATE', 'STARTED', 'SENDS', 'ACKS', ''], rows), all)
    return 0
  },
}

export const txShow: Command = {
  name: 'tx show',
  usage: '<id> [--coordinator <name>] [--broker <name>]',
  summary: 'shows a transaction, or the parts that brokers have in it, for a day after its end too',
  options: PART,
  async run(invocation) {
    const id = only(invocation, 'the id of the transaction')
    const coordinator = invocation.text('coordinator')
    if (coordinator !== undefined) return printParts(invocation, await partsOf(invocation, id, coordinator))
    const transaction = await (await invocation.backend()).transaction(id, invocation.text('broker'))
    invocation.print(told(transaction), transaction)
    return 0
  },
}

export const txResolve: Command = {
  name: 'tx resolve',
  usage: '<id> commit|abort [--coordinator <name>] [--without <name>] [--broker <name>]',
  summary: 'decides a transaction in doubt: its producer does not answer, or a broker that it spans is gone for good',
  options: { ...PART, without: { type: 'string' } },
  async run(invocation) {
    const { args, text, backend, print } = invocation
    const [id, decision, ...more] = args
    if (id === undefined || (decision !== 'commit' && decision !== 'abort') || more.length > 0)
      throw new UsageError(
        'write the id of the transaction and what is to become of it: pillion tx resolve <id> commit, or abort',
      )
    const [coordinator, without] = [text('coordinator'), text('without')]
    if (without !== undefined && (coordinator !== undefined || decision !== 'commit'))
      throw new UsageError('--without is for what is decided: pillion tx resolve <id> commit --without <name>')
    if (coordinator !== undefined) return resolveParts(invocation, id, decision, coordinator)
    const transaction = await (await backend()).resolve(id, decision, { broker: text('broker'), without })
    print(told(transaction), transaction)
    return 0
  },
}

const STATES_OF: Readonly<Record<Decision, readonly string[]>> = {
  commit: ['Committing', 'Committed'],
  abort: ['Aborted'],
}

/** The same in each broker that has a part: where one of them heard its coordinator say otherwise, nothing is decided. */
async function resolveParts(
  invocation: Invocation,
  id: string,
  decision: Decision,
  coordinator: string,
): Promise<number> {
  const backend = await invocation.backend()
  const parts = await partsOf(invocation, id, coordinator)
  const other = parts.find(({ state }) => state !== 'Prepared' && !STATES_OF[decision].includes(state))
  if (other !== undefined) {
    const where = other.broker === undefined ? '' : ` in broker ${other.broker}`
    throw new Error(
      `transaction ${id} of broker ${coordinator} is ${other.state}${where}, so its other parts cannot be decided otherwise: ${decision} would make it half done`,
    )
  }
  const decide = async (part: KeptTransaction): Promise<KeptTransaction> =>
    part.state === 'Prepared' ? backend.resolve(id, decision, { broker: part.broker, coordinator }) : part
  return printParts(invocation, await Promise.all(parts.map(decide)))
}

/** Throws an Error where no broker has one. */
async function partsOf({ backend, text }: Invocation, id: string, coordinator: string): Promise<KeptTransaction[]> {
  const parts = await (await backend()).parts(id, coordinator, text('broker'))
  if (parts.length > 0) return parts
  throw new Error(`no broker that was asked has a part in a transaction ${id} of broker ${coordinator}`)
}

function printParts({ print }: Invocation, parts: readonly KeptTransaction[]): number {
  print(parts.map(told).join('\n\n'), parts)
  return 0
}

function told(transaction: KeptTransaction): string {
  const { id, broker, coordinator, state, reason, waits = [], givenUp, queues, acks, startedAt, endedAt } = transaction
  const { checkBack } = transaction
  const awaited = waits.map((one): [string, string] => [
    'waits for',
    `${one.broker ?? 'this broker'}, since ${one.since}${one.reason === undefined ? '' : `: ${one.reason}`}`,
  ])
  const sends = Object.entries(queues).map(([queue, part]): [string, string] => [
    `sends to ${queue}`,
    part.first === undefined ? String(part.sends) : `${part.sends}, stored as ${part.first} to ${part.last}`,
  ])
  const lines: Array<readonly [string, string | undefined]> = [
    ['id', id],
    ['broker', broker],
    ['coordinator', coordinator],
    ['state', state],
    ['reason', reason],
    ...awaited,
    ['without', givenUp?.join(', ')],
    ...sends,
    ['acknowledges', String(acks)],
    ['asks', checkBack && `${checkBack.subject ?? checkBack.url}, ${checkBack.asked ?? 0} of ${checkBack.limit} times`],
    ['started', startedAt],
    ['ended', endedAt],
  ]
  return lines.flatMap(([what, text]) => (text === undefined ? [] : [`${what.padEnd(14)} ${text}`])).join('\n')
}
