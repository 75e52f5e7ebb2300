import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { whenLeaving } from './leaving.ts'

export interface TempFolder extends AsyncDisposable {
  readonly path: string
}

/** A fresh folder that goes when it is disposed of, at the latest when this process exits. */
export async function tempFolder(name: string, parent: string = tmpdir()): Promise<TempFolder> {
  const path = await mkdtemp(join(parent, `pillion-${name}-`))
  const forget = whenLeaving(() => rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 }))
  return {
    path,
    async [Symbol.asyncDispose]() {
      forget()
      await rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 })
    },
  }
}
