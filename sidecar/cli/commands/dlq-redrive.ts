import { type Command, only } from '../command.ts'
import { operate, SELECTING, SELECTING_USAGE } from '../selecting.ts'

export const dlqRedrive: Command = {
  name: 'dlq redrive',
  usage: `<queue> ${SELECTING_USAGE}`,
  summary: 'brings dead letters back to their Queue; Ctrl-C cancels it',
  options: SELECTING,
  run: (invocation) =>
    operate(invocation, only(invocation, 'the name of the queue'), { kind: 'redrive', from: 'dead-letters' }),
}
