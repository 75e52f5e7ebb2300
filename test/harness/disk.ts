import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from '../cluster/run.ts'

/** Far more than is ever written: the file has holes. */
const SIZE_BYTES = 32 * 1024 ** 3

/** Of a disk's `stat` in sysfs, from 0: flush requests that are done. */
const FLUSHES_FIELD = 15

/** What has to be there to cut the power of a disk; undefined: all of it is. */
export const whyNoPowerCuts = (): string | undefined => {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'cutting the power of a disk needs root on Linux'
  return existsSync('/dev/loop-control') ? undefined : 'cutting the power of a disk needs loop devices'
}

/**
 * An ext4 file system in a file. What a process wrote there is in the file only once the kernel was told to sync it, or did so by
 * itself: a copy of the file is what a power cut leaves.
 */
export class Disk implements AsyncDisposable {
  /** Where it is mounted. */
  readonly folder: string
  readonly #home: string
  readonly #image: string

  private constructor(home: string) {
    this.#home = home
    this.folder = join(home, 'mounted')
    this.#image = join(home, 'image')
  }

  static async create(): Promise<Disk> {
    const disk = new Disk(await mkdtemp(join(tmpdir(), 'pillion-disk-')))
    await mkdir(disk.folder)
    await writeFile(disk.#image, '')
    await truncate(disk.#image, SIZE_BYTES)
    await run('mkfs.ext4', ['-q', disk.#image])
    await disk.#mount()
    return disk
  }

  /**
   * Cuts the power: what is not on the disk now is gone. Whoever writes to it must be stopped (SIGSTOP), and is ended by `end`
   * before the disk is there again as it was.
   */
  async cut(end: () => Promise<void>): Promise<void> {
    const left = `${this.#image}.left`
    await run('cp', ['--sparse=always', this.#image, left])
    await end()
    await run('umount', [this.folder])
    await rename(left, this.#image)
    await this.#mount()
  }

  /** How often the kernel was told to bring to the disk what it holds for it. */
  async flushes(): Promise<number> {
    const { dev } = await stat(this.folder)
    const fields = (await readFile(`/sys/dev/block/${dev >> 8}:${dev & 0xff}/stat`, 'utf8')).trim().split(/\s+/)
    const flushes = Number(fields[FLUSHES_FIELD])
    if (Number.isInteger(flushes)) return flushes
    throw new Error('this kernel does not count flushes of a disk; Linux does from 5.5 on')
  }

  #mount(): Promise<unknown> {
    return run('mount', ['-o', 'loop', this.#image, this.folder])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run('umount', [this.folder])
    await rm(this.#home, { recursive: true, force: true })
  }
}
