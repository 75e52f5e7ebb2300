import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { generatedFiles } from './generated-files.ts'

test.each([...generatedFiles()])('%s is what the schemas make', async (path, text) => {
  expect(await readFile(join(import.meta.dirname, '..', path), 'utf8')).toBe(text)
})
