import type { Command } from '../command.ts'
import { BROWSING, BROWSING_USAGE, show } from './peek.ts'

export const dlqList: Command = {
  name: 'dlq list',
  usage: BROWSING_USAGE,
  summary: 'shows the oldest dead letters, and why they are there',
  options: BROWSING,
  run: (invocation) => show(invocation, 'dead-letters'),
}
