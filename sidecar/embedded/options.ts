import { parseArgs } from 'node:util'

export interface EmbeddedOptions {
  /** Manifest file or folder; undefined: the example. */
  readonly file: string | undefined
  /** Port of nats-server; 0: a free one; undefined: 4222, or a free one when that is taken. */
  readonly port: number | undefined
  /** Port of HTTP; 0: a free one; undefined: 8080, or a free one when that is taken. */
  readonly httpPort: number | undefined
  readonly data: string
  readonly demo: boolean
}

export const USAGE = `npm start -- [--file <manifest or folder>] [--port <n>] [--http-port <n>] [--data <folder>] [--demo]

  --file       Queues to run (default: crds/examples/orders.yaml, with demo traffic)
  --port       port of nats-server (default 4222, or a free one when that is taken; 0: a free one)
  --http-port  port of the HTTP API and metrics (default 8080, or a free one when that is taken; 0: a free one)
  --data       folder that keeps the messages (default .pillion)
  --demo       run the small producer and consumer also with --file`

/** Throws an Error that says which option is wrong. */
export function parseOptions(args: readonly string[]): EmbeddedOptions | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      file: { type: 'string' },
      port: { type: 'string' },
      'http-port': { type: 'string' },
      data: { type: 'string', default: '.pillion' },
      demo: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help) return 'help'
  return {
    file: values.file,
    port: port('--port', values.port),
    httpPort: port('--http-port', values['http-port']),
    data: values.data,
    demo: values.demo ?? values.file === undefined,
  }
}

function port(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const number = Number(text)
  if (!/^\d+$/.test(text) || number > 65_535) throw new Error(`${option} is "${text}"; it has to be a port, 0 to 65535`)
  return number
}
