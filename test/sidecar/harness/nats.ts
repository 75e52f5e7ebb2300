import type { ChildProcess } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type NatsServerConfig, natsServerConfig } from '../../../crds/protocol/nats-config.ts'
import { natsServerBinary } from '../../../sidecar/embedded/nats-binary.ts'
import { endChild, spawnChild } from '../../harness/children.ts'

export const SIDECAR_PASSWORD = 'sidecar-password-of-a-test'

export interface NatsOptions {
  /** Default: every second, since `always` is no other code of ours and a disk of a test machine may be slow. */
  readonly sync?: NatsServerConfig['sync']
  readonly maxStoreBytes?: number
  /** An empty folder to store in, of whoever asks; default: one of its own. */
  readonly storeDir?: string
  /** Left out: whoever connects without credentials is the client user. */
  readonly clientPassword?: string
}

/** For a connection to be made: a server that is killed meanwhile is not noticed before. Milliseconds. */
export const CONNECT_MS = 3000

/** A nats-server with the configuration of a broker pod, on loopback, in a folder of its own. */
export interface Nats extends AsyncDisposable {
  readonly url: string
  readonly port: number
  readonly pid: number
  readonly storeDir: string
  /** The last that it printed. */
  output(): string
  /** Ends it as a crash does; the store stays. */
  crash(): Promise<void>
  stop(): Promise<void>
  /** Starts it again on the same port and store. */
  start(): Promise<void>
}

export async function startNats(options: NatsOptions = {}): Promise<Nats> {
  const folder = await mkdtemp(join(tmpdir(), 'pillion-test-'))
  const storeDir = options.storeDir ?? join(folder, 'store')
  const config = join(folder, 'nats.conf')
  const port = await freePort()
  await writeFile(
    config,
    natsServerConfig({
      serverName: 'test',
      host: '127.0.0.1',
      port,
      storeDir,
      ...(options.maxStoreBytes === undefined ? {} : { maxStoreBytes: options.maxStoreBytes }),
      sync: options.sync ?? { intervalMs: 1000 },
      sidecarPassword: { env: 'PILLION_SIDECAR_PASSWORD' },
      ...(options.clientPassword === undefined ? {} : { clientPassword: { env: 'PILLION_CLIENT_PASSWORD' } }),
    }),
  )
  let child: ChildProcess | undefined
  let output: () => string = () => ''
  const start = async (): Promise<void> => {
    child = spawnChild(natsServerBinary(), ['-c', config], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: {
        ...process.env,
        PILLION_SIDECAR_PASSWORD: SIDECAR_PASSWORD,
        PILLION_CLIENT_PASSWORD: options.clientPassword ?? '',
      },
    })
    output = tailOf(child)
    await listening(child, output)
  }
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child !== undefined) await endChild(child, signal)
  }
  await start()
  return {
    url: `nats://127.0.0.1:${port}`,
    port,
    storeDir,
    output: () => output(),
    get pid() {
      return child?.pid ?? 0
    },
    start,
    stop: () => end('SIGTERM'),
    crash: () => end('SIGKILL'),
    async [Symbol.asyncDispose]() {
      await end('SIGKILL')
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function tailOf(child: ChildProcess): () => string {
  let output = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    output = (output + text).slice(-20_000)
  })
  return () => output
}

function listening(child: ChildProcess, output: () => string): Promise<void> {
  return new Promise((done, fail) => {
    child.once('exit', (code) => fail(new Error(`nats-server ended with ${code ?? 'a signal'}:\n${output()}`)))
    child.stderr?.on('data', () => {
      if (output().includes('Server is ready')) done()
    })
  })
}

/**
 * Below the range from which the kernel gives ports to outgoing connections: while the server is down, none of its clients that
 * try to reach it may be given its own port.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 20_000)
    const free = await new Promise<boolean>((done) => {
      const server = createServer()
      server.once('error', () => done(false))
      server.listen(port, '127.0.0.1', () => server.close(() => done(true)))
    })
    if (free) return port
  }
}
