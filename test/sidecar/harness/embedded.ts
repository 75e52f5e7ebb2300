import type { ChildProcess } from 'node:child_process'
import { connect } from 'node:net'
import { fileURLToPath } from 'node:url'
import { exited, spawnChild } from '../../harness/children.ts'
import { PATIENCE_MS, until } from './wait.ts'

const MAIN = fileURLToPath(new URL('../../../sidecar/embedded/main.ts', import.meta.url))
const ROOT = fileURLToPath(new URL('../../..', import.meta.url))

/** Embedded mode as a process in a group of its own, as a shell starts it. */
export class EmbeddedRun {
  readonly child: ChildProcess
  #output = ''

  constructor(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.child = spawnChild(process.execPath, [MAIN, ...args], {
      cwd: ROOT,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    })
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text
      })
    }
  }

  get output(): string {
    return this.#output
  }

  /** Waits for the ready line; the addresses in it. Throws, with what was printed, when it ends before. */
  async ready(): Promise<{ nats: string; http: string }> {
    const [, nats = '', http = ''] = await until('embedded mode is ready', () => {
      if (this.child.exitCode !== null) throw new Error(`it ended with ${this.child.exitCode}:\n${this.#output}`)
      return /^ready (nats:\/\/127\.0\.0\.1:\d+) (http:\/\/127\.0\.0\.1:\d+)$/m.exec(this.#output) ?? false
    })
    return { nats, http }
  }

  /** Waits until it has ended by itself; its exit code. */
  async ended(): Promise<number | null> {
    await Promise.race([
      exited(this.child),
      new Promise((_, fail) => {
        setTimeout(() => fail(new Error(`it goes on:\n${this.#output}`)), PATIENCE_MS).unref()
      }),
    ])
    return this.child.exitCode
  }

  /** What Ctrl-C in a terminal does: the whole process group gets the signal. */
  interruptGroup(signal: NodeJS.Signals = 'SIGINT'): void {
    if (this.child.pid !== undefined) process.kill(-this.child.pid, signal)
  }

  /** Ends whatever is left of it. */
  dispose(): void {
    try {
      this.interruptGroup('SIGKILL')
    } catch {
      // Nothing is left of the group.
    }
  }
}

/** Whether somebody listens at this `nats://` or `http://` address. */
export function listens(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url)
  return new Promise((done) => {
    const socket = connect(Number(port), hostname, () => {
      socket.destroy()
      done(true)
    })
    socket.once('error', () => done(false))
  })
}
