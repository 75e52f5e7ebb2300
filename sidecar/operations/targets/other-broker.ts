import { z } from 'zod'
import {
  copiesFoundSchema,
  type Copied,
  type CopyBatch,
  copyResultsSchema,
  type OtherBroker as Access,
} from '../../../crds/protocol/copies.ts'
import { askSidecar, SidecarFailure } from '../../peers/ask-sidecar.ts'
import type { Origin } from '../transfer.ts'
import { type Batch, type CopyTarget, type Original, OutOfReach } from './target.ts'

/** A batch is stored in far less, even where each message is synced to a slow disk. Milliseconds. */
const TIMEOUT_MS = 30_000

/** A Queue of another broker, by its sidecar's HTTP API; that one keeps which copies it made. */
export class OtherBroker implements CopyTarget {
  readonly name: string
  readonly #operation: string
  readonly #url: string
  /** Undefined: after a restart, until it is told again. */
  #access: Access | undefined

  constructor(name: string, operation: string, url: string) {
    this.name = name
    this.#operation = operation
    this.#url = url
  }

  reach(access: Access): void {
    this.#access = access
  }

  async hold(): Promise<number> {
    return 0
  }

  async copy({ queue, stream, created }: Origin, batch: Batch, originals: readonly Original[]): Promise<Copied[]> {
    const messages = originals.map(({ message, subject }) => ({
      sequence: message.seq,
      subject,
      time: message.time.toISOString(),
      headers: message.headers.map(([key, value]): [string, string] => [key, value]),
      data: Buffer.from(message.data).toString('base64'),
    }))
    const body: CopyBatch = { origin: { queue, stream, created }, messages }
    const { results } = await this.#ask('PUT', `/${batch.number}`, copyResultsSchema, body)
    return results
  }

  async find(_: Origin, batch: Batch): Promise<number[]> {
    const { copied } = await this.#ask('DELETE', `/${batch.number}`, copiesFoundSchema)
    return copied
  }

  release(): void {}

  async end(): Promise<void> {
    // What is left there otherwise is a few hundred bytes that nobody asks for.
    await this.#ask('DELETE', '', z.unknown()).catch(() => undefined)
  }

  async #ask<T>(method: 'PUT' | 'DELETE', path: string, schema: z.ZodType<T>, body?: CopyBatch): Promise<T> {
    if (this.#access === undefined) {
      throw new OutOfReach(`waits to be told the token of ${this.#url}: ask for the operation once more, with its id`)
    }
    const at = `/copies/${encodeURIComponent(this.name)}/${this.#operation}${path}`
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    try {
      return await askSidecar(this.#access, { method, path: at, body, signal }, schema)
    } catch (error) {
      if (!(error instanceof SidecarFailure)) throw error
      throw new OutOfReach(`${error.message}; tries again`, { cause: error })
    }
  }
}
