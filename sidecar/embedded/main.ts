// Embedded mode: a nats-server and the sidecar on loopback, with the Queues of a file or folder. Needs no Kubernetes.
import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { pino } from 'pino'
import { startSidecar } from '../sidecar.ts'
import { lockData } from './data-lock.ts'
import { runDemo } from './demo.ts'
import { readManifests } from './manifests.ts'
import { startNatsServer } from './nats-process.ts'
import { type EmbeddedOptions, parseOptions, USAGE } from './options.ts'
import { choosePort } from './ports.ts'

const EXAMPLE = 'crds/examples/orders.yaml'
const NATS_PORT = 4222
const HTTP_PORT = 8080
/** A signal to the whole process group may end nats-server before this process hears of it. Milliseconds. */
const SIGNAL_MS = 1000

async function run(options: EmbeddedOptions): Promise<void> {
  const { queues, sync } = readManifests(options.file ?? EXAMPLE)
  lockData(options.data)
  const sidecarPassword = randomBytes(18).toString('base64url')
  const nats = await startNatsServer({
    port: await choosePort('--port', options.port, NATS_PORT),
    data: options.data,
    sync,
    sidecarPassword,
  })
  // Whatever ends this process, the server that it started must not stay behind.
  process.once('exit', () => nats.kill())
  const logger = pino(
    { level: process.env.PILLION_LOG_LEVEL ?? 'warn', base: { component: 'sidecar' } },
    pino.destination(2),
  )
  const sidecar = await startSidecar(
    {
      natsUrl: nats.url,
      natsUser: 'sidecar',
      natsPassword: sidecarPassword,
      httpHost: '127.0.0.1',
      httpPort: await choosePort('--http-port', options.httpPort, HTTP_PORT),
      token: undefined,
      hasOperator: false,
    },
    logger,
  )
  const stopping = new AbortController()
  const stop = async (code: number): Promise<void> => {
    if (stopping.signal.aborted) return
    stopping.abort()
    await sidecar.stop()
    await nats.stop()
    process.exit(code)
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void stop(0))
  // Who read what is printed has gone, as `head` does.
  process.stdout.on('error', () => void stop(0))
  void nats.ended.then(async (output) => {
    await delay(SIGNAL_MS)
    if (stopping.signal.aborted) return
    console.error(`nats-server ended:\n${output}`)
    process.exit(1)
  })

  await sidecar.started
  for (const { metadata, spec } of queues) await sidecar.broker.put(metadata.name, metadata.generation ?? 1, spec)
  console.log(`ready ${nats.url} http://127.0.0.1:${sidecar.httpPort}`)
  const [first] = queues
  if (options.demo && first !== undefined) {
    const group = first.spec.consumerGroups[0]?.name ?? 'workers'
    await runDemo(nats.url, first.metadata.name, group, stopping.signal)
  }
}

try {
  const options = parseOptions(process.argv.slice(2))
  if (options === 'help') console.log(USAGE)
  else await run(options)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exit(1)
}
