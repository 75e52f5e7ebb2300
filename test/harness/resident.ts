import { readFile } from 'node:fs/promises'

export const MEBIBYTE = 1024 * 1024

/** Resident memory of a process, in bytes. Linux only. */
export async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]
  if (kibibytes === undefined) throw new Error(`/proc/${pid}/status does not tell of VmRSS`)
  return Number(kibibytes) * 1024
}
