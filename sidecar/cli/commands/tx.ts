import type { Transaction } from '../../../crds/protocol/transaction.ts'
import { type Command, only, UsageError } from '../command.ts'
import { table } from '../table.ts'

const BROKER = { broker: { type: 'string' } } as const

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
  usage: '<id> [--broker <name>]',
  summary: 'shows a transaction, for a day after its end too',
  options: BROKER,
  async run(invocation) {
    const id = only(invocation, 'the id of the transaction')
    const transaction = await (await invocation.backend()).transaction(id, invocation.text('broker'))
    invocation.print(told(transaction), transaction)
    return 0
  },
}

export const txResolve: Command = {
  name: 'tx resolve',
  usage: '<id> commit|abort [--broker <name>]',
  summary: 'decides a transaction in doubt, whose producer does not answer',
  options: BROKER,
  async run({ args, text, backend, print }) {
    const [id, decision, ...more] = args
    if (id === undefined || (decision !== 'commit' && decision !== 'abort') || more.length > 0)
      throw new UsageError(
        'write the id of the transaction and what is to become of it: pillion tx resolve <id> commit, or abort',
      )
    const transaction = await (await backend()).resolve(id, decision, text('broker'))
    print(told(transaction), transaction)
    return 0
  },
}

function told({ id, state, reason, queues, acks, startedAt, endedAt, checkBack }: Transaction): string {
  const sends = Object.entries(queues).map(([queue, part]): [string, string] => [
    `sends to ${queue}`,
    part.first === undefined ? String(part.sends) : `${part.sends}, stored as ${part.first} to ${part.last}`,
  ])
  const lines: Array<readonly [string, string | undefined]> = [
    ['id', id],
    ['state', state],
    ['reason', reason],
    ...sends,
    ['acknowledges', String(acks)],
    ['asks', checkBack && `${checkBack.subject ?? checkBack.url}, ${checkBack.asked ?? 0} of ${checkBack.limit} times`],
    ['started', startedAt],
    ['ended', endedAt],
  ]
  return lines.flatMap(([what, text]) => (text === undefined ? [] : [`${what.padEnd(14)} ${text}`])).join('\n')
}
