const CR = 13
const SPACE = 32
const ZERO = 48

/** What follows the line of a message: its last word, also where a size of headers stands before it, and its line end. Bytes. */
export function sizeAfter(bytes: Buffer, at: number, lineEnd: number): number {
  let size = 0
  let unit = 1
  for (let index = lineEnd - (bytes[lineEnd - 1] === CR ? 2 : 1); index > at; index--) {
    const code = bytes[index] ?? SPACE
    if (code === SPACE) break
    size += (code - ZERO) * unit
    unit *= 10
  }
  return size + 2
}
