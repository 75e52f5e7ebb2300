import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type NatsServerConfig, natsServerConfig } from '../../crds/protocol/nats-config.ts'
import { natsServerBinary } from './nats-binary.ts'

export interface NatsProcessOptions {
  readonly port: number
  readonly data: string
  readonly sync: NatsServerConfig['sync']
  readonly sidecarPassword: string
}

export interface NatsProcess {
  readonly url: string
  readonly port: number
  /** Resolves when the process has ended, with what it said last. */
  readonly ended: Promise<string>
  stop(): Promise<void>
  /** Ends it at once, as a crash would. */
  kill(): void
}

/** nats-server syncs what is left and writes its state before it exits; longer than this and something is wrong. */
const STOP_WITHIN_MS = 30_000

/** Starts a nats-server of one's own on loopback. Rejects, with what it printed, when it ends before it listens. */
export async function startNatsServer(options: NatsProcessOptions): Promise<NatsProcess> {
  const folder = resolve(options.data)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const config = join(folder, 'nats.conf')
  writeFileSync(
    config,
    natsServerConfig({
      serverName: 'pillion-embedded',
      host: '127.0.0.1',
      port: options.port,
      storeDir: join(folder, 'jetstream'),
      sync: options.sync,
      sidecarPassword: { literal: options.sidecarPassword },
    }),
    { mode: 0o600 },
  )
  const child = spawn(natsServerBinary(), ['-c', config], { stdio: ['ignore', 'ignore', 'pipe'] })
  const output = new Tail()
  const ended = new Promise<string>((done) => child.once('exit', () => done(output.text)))
  await listening(child, output)
  return {
    url: `nats://127.0.0.1:${options.port}`,
    port: options.port,
    ended,
    stop: async () => {
      const kill = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS)
      child.kill('SIGTERM')
      await ended
      clearTimeout(kill)
    },
    kill: () => {
      child.kill('SIGKILL')
    },
  }
}

function listening(child: ChildProcess, output: Tail): Promise<void> {
  return new Promise((done, fail) => {
    child.once('error', fail)
    child.once('exit', (code) => fail(new Error(`nats-server ended with ${code ?? 'a signal'}:\n${output.text}`)))
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      output.add(text)
      if (text.includes('Server is ready')) done()
    })
  })
}

/** The last lines of a process's output. */
class Tail {
  #lines: string[] = []

  add(text: string): void {
    this.#lines = [...this.#lines, ...text.split('\n').filter((line) => line !== '')].slice(-20)
  }

  get text(): string {
    return this.#lines.join('\n')
  }
}
