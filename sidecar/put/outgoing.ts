/** Filled in one go with what is small, and sent in few pieces. Bytes. */
const CHUNK_BYTES = 64 * 1024
/** What is larger is not copied. Bytes. */
const LARGE_BYTES = 8 * 1024

/** Gathers what is to be sent, so that many small frames are one write. */
export class Outgoing {
  readonly #write: (bytes: Buffer) => void
  #chunk = Buffer.allocUnsafe(CHUNK_BYTES)
  #from = 0
  #to = 0

  constructor(write: (bytes: Buffer) => void) {
    this.#write = write
  }

  /** A character a byte. */
  text(text: string): void {
    if (text.length > this.#room) this.#renew(text.length)
    this.#to += this.#chunk.write(text, this.#to, 'latin1')
  }

  bytes(bytes: Buffer): void {
    if (bytes.length >= LARGE_BYTES) {
      this.flush()
      this.#write(bytes)
      return
    }
    if (bytes.length > this.#room) this.#renew(bytes.length)
    this.#to += bytes.copy(this.#chunk, this.#to)
  }

  flush(): void {
    if (this.#to === this.#from) return
    this.#write(this.#chunk.subarray(this.#from, this.#to))
    this.#from = this.#to
  }

  get #room(): number {
    return this.#chunk.length - this.#to
  }

  /** What was written before is not ours any more. */
  #renew(bytes: number): void {
    this.flush()
    this.#chunk = Buffer.allocUnsafe(Math.max(CHUNK_BYTES, bytes))
    this.#from = 0
    this.#to = 0
  }
}
