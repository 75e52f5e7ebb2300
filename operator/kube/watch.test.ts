import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { lines } from './watch.ts'

async function* inPieces(bytes: Uint8Array, cuts: number[]): AsyncIterable<Uint8Array> {
  let from = 0
  for (const cut of cuts.map((one) => one % (bytes.length + 1)).toSorted((a, b) => a - b)) {
    yield bytes.subarray(from, cut)
    from = cut
  }
  yield bytes.subarray(from)
}

async function collect(texts: AsyncIterable<string>): Promise<string[]> {
  const all: string[] = []
  for await (const text of texts) all.push(text)
  return all
}

describe('lines', () => {
  it('gives whole lines however the bytes arrive, in the middle of a character too', async () => {
    const line = fc.string({ minLength: 1, unit: 'grapheme' }).map((text) => JSON.stringify(text))
    await fc.assert(
      fc.asyncProperty(fc.array(line), fc.array(fc.nat()), async (texts, cuts) => {
        const bytes = new TextEncoder().encode(texts.map((text) => `${text}\n`).join(''))
        expect(await collect(lines(inPieces(bytes, cuts)))).toEqual(texts)
      }),
    )
  })

  it('drops what was cut off', async () => {
    const bytes = new TextEncoder().encode('{"a":1}\n{"b"')
    expect(await collect(lines(inPieces(bytes, [3])))).toEqual(['{"a":1}'])
  })
})
