import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Keeps a data folder for this process: nats-server does not, and two servers on one store ruin it. The lock ends with the
 * process; one that a crash left behind names a process that is no more. Throws an Error that names the folder.
 */
export function lockData(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const file = join(folder, 'pid')
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' })
  } catch {
    const owner = Number(readFileSync(file, 'utf8'))
    if (isAlive(owner)) {
      throw new Error(`--data ${folder} is used by process ${owner}; end that one, or name another folder with --data`)
    }
    writeFileSync(file, String(process.pid))
  }
  process.once('exit', () => rmSync(file, { force: true }))
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
