import { type Command, UsageError } from '../command.ts'
import { operate, SELECTING, SELECTING_USAGE } from '../selecting.ts'

export const move: Command = {
  name: 'move',
  usage: `<queue> <to queue> [--dead-letters] ${SELECTING_USAGE}`,
  summary: 'moves the messages of a paused Queue, or its dead letters, to another',
  options: { ...SELECTING, 'dead-letters': { type: 'boolean' } },
  run(invocation) {
    const [queue, to, ...more] = invocation.args
    if (queue === undefined || to === undefined || more.length > 0) {
      throw new UsageError('two queues have to be named: the one that messages are in, and where they go')
    }
    const from = invocation.flag('dead-letters') ? 'dead-letters' : 'messages'
    return operate(invocation, queue, { kind: 'move', from, to })
  },
}
