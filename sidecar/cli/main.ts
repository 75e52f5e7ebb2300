#!/usr/bin/env node
// The command `pillion`: looks at Queues and operates on them, of an embedded server or of a cluster.
import { parseArgs } from 'node:util'
import type { Backend } from './backends/backend.ts'
import { overHttp } from './backends/sidecar-api.ts'
import { type Command, type Invocation, UsageError } from './command.ts'
import { consume } from './commands/consume.ts'
import { describe } from './commands/describe.ts'
import { dlqList } from './commands/dlq-list.ts'
import { dlqPurge } from './commands/dlq-purge.ts'
import { dlqRedrive } from './commands/dlq-redrive.ts'
import { move } from './commands/move.ts'
import { pause, resume } from './commands/pause.ts'
import { peek } from './commands/peek.ts'
import { publish } from './commands/publish.ts'
import { queues } from './commands/queues.ts'
import { txList, txResolve, txShow } from './commands/tx.ts'
import { verify } from './commands/verify.ts'
import { completion } from './completion.ts'

const COMMANDS: readonly Command[] = [
  queues,
  describe,
  publish,
  consume,
  peek,
  dlqList,
  dlqRedrive,
  dlqPurge,
  move,
  pause,
  resume,
  verify,
  txList,
  txShow,
  txResolve,
]

const COMMON = {
  server: { type: 'string' },
  http: { type: 'string' },
  token: { type: 'string' },
  namespace: { type: 'string', short: 'n' },
  context: { type: 'string' },
  output: { type: 'string', short: 'o' },
  help: { type: 'boolean', short: 'h' },
} as const

const USAGE = `pillion <command> …

${COMMANDS.map(({ name, summary }) => `  ${name.padEnd(12)} ${summary}`).join('\n')}
  completion   prints a script for bash and zsh: source <(pillion completion)

With --http, or $PILLION_HTTP, of a sidecar whose port can be reached, such as embedded mode's; else of the cluster of the kubeconfig.

  --http <url>       the sidecar's HTTP API, such as http://127.0.0.1:8080
  --token <token>    its token, or $PILLION_TOKEN; embedded mode asks for none
  --server <url>     nats-server, for publish and consume (nats://127.0.0.1:4222), or $NATS_URL
  -n, --namespace    --context    of the cluster
  -o, --output json  values for programs`

function find(args: readonly string[]): { command: Command; rest: string[] } | undefined {
  for (const length of [2, 1]) {
    const command = COMMANDS.find(({ name }) => name === args.slice(0, length).join(' '))
    if (command !== undefined) return { command, rest: args.slice(length) }
  }
  return undefined
}

async function run(args: readonly string[]): Promise<number> {
  const [first] = args
  if (first === undefined || first === '--help' || first === '-h' || first === 'help') {
    console.log(USAGE)
    return first === undefined ? 2 : 0
  }
  if (first === 'completion') {
    console.log(completion(COMMANDS, Object.keys(COMMON)))
    return 0
  }
  const found = find(args)
  if (found === undefined) {
    const longer = COMMANDS.filter(({ name }) => name.startsWith(`${first} `)).map(({ name }) => `pillion ${name}`)
    throw new UsageError(
      longer.length === 0 ? `there is no command ${first}; see pillion --help` : `write ${longer.join(', ')}`,
    )
  }
  const { command, rest } = found
  const { values, positionals } = parse(command, rest)
  if (values['help'] === true) {
    console.log(`pillion ${command.name} ${command.usage}\n\n  ${command.summary}`)
    return 0
  }
  return command.run(invocation(values, positionals))
}

function parse(command: Command, args: string[]) {
  try {
    return parseArgs({ args, options: { ...command.options, ...COMMON }, allowPositionals: true })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new UsageError(`${reason}\nusage: pillion ${command.name} ${command.usage}`)
  }
}

type Value = string | boolean | Array<string | boolean> | undefined

function invocation(values: Readonly<Record<string, Value>>, args: string[]): Invocation {
  const text = (option: string): string | undefined => {
    const value = values[option]
    return typeof value === 'string' ? value : undefined
  }
  const output = text('output')
  if (output !== undefined && output !== 'json') throw new UsageError(`--output is "${output}"; it has to be json`)
  const stopping = new AbortController()
  process.once('SIGINT', () => stopping.abort())
  // Who read what is printed has gone, as `head` does.
  process.stdout.on('error', () => stopping.abort())
  const { PILLION_HTTP, PILLION_TOKEN, NATS_URL } = process.env
  const backend = async (): Promise<Backend> => {
    const http = text('http') ?? PILLION_HTTP
    if (http !== undefined && http !== '') return overHttp(http, text('token') ?? PILLION_TOKEN)
    // What reads kubeconfigs is slow to load, and seldom needed.
    const [{ cluster }, { Kube }] = await Promise.all([import('./backends/cluster.ts'), import('./backends/kube.ts')])
    return cluster(Kube.fromDefault(text('context'), text('namespace')))
  }
  return {
    args,
    text,
    flag: (option) => values[option] === true,
    list: (option) => {
      const value = values[option]
      return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : []
    },
    backend,
    natsUrl: () => text('server') ?? NATS_URL ?? 'nats://127.0.0.1:4222',
    json: output === 'json',
    print: (line, value) => console.log(output === 'json' ? JSON.stringify(value) : line),
    signal: stopping.signal,
  }
}

try {
  process.exitCode = await run(process.argv.slice(2))
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = error instanceof UsageError ? 2 : 1
}
