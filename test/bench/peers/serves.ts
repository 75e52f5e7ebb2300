import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

/** From its start until a server listens; a busy machine takes long over an Erlang or Java virtual machine. Milliseconds. */
const WITHIN_MS = 120_000

/** Waits until a server listens on a port of loopback; throws, with its last words, when it ends before or does not come to it. */
export async function serves(child: ChildProcess, port: number, lastWords: () => string): Promise<void> {
  const deadline = performance.now() + WITHIN_MS
  while (!(await listens(port))) {
    if (child.exitCode !== null || child.signalCode !== null) {
      throw new Error(
        `it ended with ${child.signalCode ?? `code ${child.exitCode}`} before it listened: ${lastWords()}`,
      )
    }
    if (performance.now() > deadline) throw new Error(`it did not listen within ${WITHIN_MS / 1000} s: ${lastWords()}`)
    await delay(50)
  }
}

async function listens(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
