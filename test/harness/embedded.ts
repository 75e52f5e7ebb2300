import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { endChild, exited, spawnChild } from './children.ts'
import { tempFolder } from './temp-folder.ts'

const MAIN = fileURLToPath(new URL('../../sidecar/embedded/main.ts', import.meta.url))

export interface EmbeddedOptions {
  /** YAML of the Queues. */
  readonly manifests: string
  /** What the broker stores; left out, a fresh folder that goes with it. */
  readonly data?: string
}

/** A broker in embedded mode (nats-server and sidecar, as `npm start` runs them) on free ports of loopback. */
export interface Embedded extends AsyncDisposable {
  readonly url: string
  readonly httpUrl: string
  /** The sidecar's process; nats-server is a child of it. */
  readonly pid: number
  /** Ends it as Ctrl-C does. */
  stop(): Promise<void>
}

/** The first start on a machine builds nats-server. */
const READY_WITHIN_MS = 300_000

/** Starts it and waits for its ready line; rejects when it ends before, or does not come to it. */
export async function startEmbedded(options: EmbeddedOptions): Promise<Embedded> {
  const temporary = await tempFolder('embedded')
  const folder = temporary.path
  const file = join(folder, 'queues.yaml')
  await writeFile(file, options.manifests)
  const data = options.data ?? join(folder, 'data')
  const child = spawnChild(
    process.execPath,
    [MAIN, '--file', file, '--port', '0', '--http-port', '0', '--data', data],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const stop = (): Promise<void> => endChild(child, 'SIGTERM')
  const dispose = async (): Promise<void> => {
    await stop()
    await temporary[Symbol.asyncDispose]()
  }
  let late = false
  const timer = setTimeout(() => {
    late = true
    child.kill('SIGKILL')
  }, READY_WITHIN_MS)
  try {
    if (child.stdout === null) throw new Error('no standard output')
    for await (const line of createInterface(child.stdout)) {
      const [, url, httpUrl] = /^ready (nats:\S+) (http:\S+)$/.exec(line) ?? []
      if (url === undefined || httpUrl === undefined) continue
      child.stdout.resume()
      return { url, httpUrl, pid: child.pid ?? 0, stop, [Symbol.asyncDispose]: dispose }
    }
    await exited(child)
    if (late) throw new Error(`embedded mode was not ready within ${READY_WITHIN_MS / 1000} s`)
    throw new Error(`embedded mode ended with code ${child.exitCode} before it was ready`)
  } catch (error) {
    await dispose()
    throw error
  } finally {
    clearTimeout(timer)
  }
}
