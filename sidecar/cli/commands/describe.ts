import { stringify } from 'yaml'
import { type Command, only } from '../command.ts'

export const describe: Command = {
  name: 'describe',
  usage: '<queue>',
  summary: 'shows what a Queue declares and what it is',
  options: {},
  async run(invocation) {
    const described = await (await invocation.backend()).describe(only(invocation, 'the name of the queue'))
    invocation.print(stringify(described).trimEnd(), described)
    return 0
  },
}
