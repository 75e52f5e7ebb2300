import { type Command, only } from '../command.ts'
import { operate, SELECTING, SELECTING_USAGE } from '../selecting.ts'

export const dlqPurge: Command = {
  name: 'dlq purge',
  usage: `<queue> ${SELECTING_USAGE}`,
  summary: 'deletes dead letters; --dry-run only counts them',
  options: SELECTING,
  run: (invocation) =>
    operate(invocation, only(invocation, 'the name of the queue'), { kind: 'purge', from: 'dead-letters' }),
}
