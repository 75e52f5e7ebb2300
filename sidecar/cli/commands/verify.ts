import { type Command, only } from '../command.ts'
import { table } from '../table.ts'

export const verify: Command = {
  name: 'verify',
  usage: '<queue>',
  summary: 'shows what became of every message; exit code 1 where some are unaccounted for',
  options: {},
  async run(invocation) {
    const queue = only(invocation, 'the name of the queue')
    const ledger = await (await invocation.backend()).ledger(queue)
    const { since, groups, ...counts } = ledger
    const rows = Object.entries(counts).map(([what, count]) => [what, count ?? 0])
    const names = Object.keys(groups).join(', ')
    invocation.print(`${table(['MESSAGES', ''], rows)}\nsince ${since}, group ${names}`, ledger)
    return counts.unaccounted === 0 ? 0 : 1
  },
}
