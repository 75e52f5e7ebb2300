import type { ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { natsServerBinary } from '../../sidecar/embedded/nats-binary.ts'
import { endChild, spawnChild } from './children.ts'
import { freePort } from './free-port.ts'
import { tempFolder } from './temp-folder.ts'

export interface NatsServerOptions {
  /** JetStream's folder; left out, a fresh one that goes with the server. */
  readonly storeDir?: string
  /** `always`: fsync before a publish is acknowledged; else a duration; left out, nats-server's default of two minutes. */
  readonly sync?: 'always' | `${number}s`
  /** Left out, a free one. */
  readonly port?: number
}

/** A plain nats-server with JetStream on loopback: no mappings, no users. */
export interface PlainNatsServer extends AsyncDisposable {
  readonly url: string
  readonly port: number
  readonly pid: number
  /** Ends it (SIGKILL to crash it); the store stays until it is disposed of. */
  stop(signal?: NodeJS.Signals): Promise<void>
  /** Starts it again on the same port and store, with other settings where given. */
  start(changes?: Pick<NatsServerOptions, 'sync'>): Promise<void>
}

export async function startNatsServer(options: NatsServerOptions = {}): Promise<PlainNatsServer> {
  const temporary = await tempFolder('nats')
  const folder = temporary.path
  const storeDir = options.storeDir ?? join(folder, 'store')
  let { sync } = options
  const port = options.port ?? (await freePort())
  let child: ChildProcess | undefined

  const start: PlainNatsServer['start'] = async (changes = {}) => {
    sync = changes.sync ?? sync
    const config = join(folder, 'nats.conf')
    const syncLine = sync === undefined ? '' : `sync_interval: ${sync}`
    await writeFile(config, `jetstream {\n  store_dir: ${JSON.stringify(storeDir)}\n  ${syncLine}\n}\n`)
    const args = ['-c', config, '-a', '127.0.0.1', '-p', String(port), '--ports_file_dir', folder]
    child = spawnChild(natsServerBinary(), args, { stdio: ['ignore', 'ignore', 'ignore'] })
    await listening(child, folder)
  }
  const stop: PlainNatsServer['stop'] = async (signal = 'SIGTERM') => {
    if (child !== undefined) await endChild(child, signal)
  }
  await start()
  return {
    url: `nats://127.0.0.1:${port}`,
    port,
    get pid() {
      return child?.pid ?? 0
    },
    start,
    stop,
    async [Symbol.asyncDispose]() {
      await stop('SIGKILL')
      await temporary[Symbol.asyncDispose]()
    },
  }
}

/** nats-server writes this file once it listens. */
async function listening(child: ChildProcess, folder: string): Promise<void> {
  const file = join(folder, `nats-server_${child.pid}.ports`)
  while (!existsSync(file)) {
    if (child.exitCode !== null) throw new Error(`nats-server ended with code ${child.exitCode} before it listened`)
    await delay(10)
  }
}
