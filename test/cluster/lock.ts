import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Runs `work` while holding an exclusive lock on `file`, among all processes of the machine.
 *
 * The kernel holds the lock for a child that lives as long as its standard input is open, so a crash of this
 * process gives it back. `onWait` is called once if somebody else holds it.
 * @throws Error when flock (util-linux) is missing.
 */
export async function withLock<T>(file: string, onWait: () => void, work: () => Promise<T>): Promise<T> {
  await mkdir(dirname(file), { recursive: true })
  const release = (await acquire(file, ['--nonblock'])) ?? (onWait(), await acquire(file, []))
  if (!release) throw new Error(`cannot lock ${file}: flock ended without taking the lock`)
  try {
    return await work()
  } finally {
    await release()
  }
}

async function acquire(file: string, options: string[]): Promise<(() => Promise<void>) | undefined> {
  const child = spawn('flock', ['--exclusive', ...options, file, 'sh', '-c', 'echo locked; exec cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const exit = once(child, 'exit')
  const locked = await Promise.race([once(child.stdout, 'data').then(() => true), exit.then(() => false)])
  if (!locked) return undefined
  return async () => {
    child.stdin.end()
    await exit
  }
}
