import type { Command } from '../command.ts'
import { table } from '../table.ts'

export const queues: Command = {
  name: 'queues',
  usage: '',
  summary: 'lists Queues with the numbers of their messages',
  options: {},
  async run({ backend, print }) {
    const all = await (await backend()).queues()
    const rows = all.map(({ name, mode, paused, messages: m }) => [
      name,
      mode,
      paused ? 'paused' : '',
      m.ready,
      m.inFlight,
      m.delayed,
      m.deadLettered,
    ])
    print(table(['QUEUE', 'MODE', '', 'READY', 'IN FLIGHT', 'DELAYED', 'DEAD LETTERS'], rows), all)
    return 0
  },
}
