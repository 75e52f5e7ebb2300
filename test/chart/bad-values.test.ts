import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { binary } from '../cluster/binaries.ts'
import { chart, helm } from './helm.ts'

// Minutes where it is not cached.
beforeAll(() => binary('helm'))

// Each file begins with a comment: what the person who gave it reads.
const folder = join(import.meta.dirname, 'bad-values')
const files = await readdir(folder)

test.each(files)('%s is refused, by where it is wrong', async (file) => {
  const path = join(folder, file)
  const [expected = ''] = (await readFile(path, 'utf8')).slice('# '.length).split('\n')
  await expect(helm(['template', 'pillion', chart, '--values', path])).rejects.toThrow(`- ${expected}`)
})
