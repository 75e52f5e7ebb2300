import { text as readAll } from 'node:stream/consumers'
import { jetstream } from '@nats-io/jetstream'
import { headers as natsHeaders } from '@nats-io/transport-node'
import { type Command, UsageError } from '../command.ts'
import { isUntaken } from '../../jetstream/untaken.ts'
import { connected } from '../nats.ts'

export const publish: Command = {
  name: 'publish',
  usage: '<queue> [<body>] [--to <key, level or path>] [--header <name>=<value>]… [--id <id>]',
  summary: 'publishes a message; without a body, standard input',
  options: { to: { type: 'string' }, header: { type: 'string', multiple: true }, id: { type: 'string' } },
  async run({ args, text, list, natsUrl, print }) {
    const [queue, given, ...more] = args
    if (queue === undefined) throw new UsageError('the name of the queue is missing')
    if (more.length > 0) throw new UsageError('the body is one argument; put it in quotes')
    const body = given ?? (await readAll(process.stdin))
    const headers = natsHeaders()
    for (const header of list('header')) {
      const [name = '', ...value] = header.split('=')
      if (value.length === 0) throw new UsageError(`--header is "${header}"; write <name>=<value>`)
      headers.append(name, value.join('='))
    }
    const [to, id] = [text('to'), text('id')]
    const subject = `q.${queue}${to === undefined ? '' : `.${to}`}`
    return connected(natsUrl(), async (connection) => {
      try {
        const { seq, duplicate } = await jetstream(connection).publish(subject, body, {
          headers,
          ...(id === undefined ? {} : { msgID: id }),
        })
        print(`stored as ${seq}${duplicate ? ', before: its id is a duplicate' : ''}`, { sequence: seq, duplicate })
        return 0
      } catch (error) {
        if (!isUntaken(error)) throw error
        throw new Error(
          `no queue takes ${subject}; see pillion queues for what there is, and --to for a key, level or path`,
          {
            cause: error,
          },
        )
      }
    })
  },
}
