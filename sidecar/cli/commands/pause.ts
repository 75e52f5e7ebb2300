import { type Command, only } from '../command.ts'

const setting = (name: 'pause' | 'resume', summary: string): Command => ({
  name,
  usage: '<queue>',
  summary,
  options: {},
  async run(invocation) {
    const queue = only(invocation, 'the name of the queue')
    const paused = name === 'pause'
    await (await invocation.backend()).pause(queue, paused)
    invocation.print(`queue ${queue} ${paused ? 'is paused: publishing goes on' : 'delivers again'}`, { queue, paused })
    return 0
  },
})

export const pause = setting('pause', 'stops delivery; publishing goes on')
export const resume = setting('resume', 'goes on with delivery')
