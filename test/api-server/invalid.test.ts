import { describe, expect, test } from 'vitest'
import { expectedOf, told, withoutValue } from './expectations.ts'
import { type ManifestFile, manifestFiles, onlyManifest, parseManifest } from './manifests.ts'
import { causesOf, useApiServer } from './server.ts'

const server = useApiServer()
const files = manifestFiles('invalid')

test('there are enough of them', () => {
  expect(files.length).toBeGreaterThanOrEqual(40)
})

describe.each(files.map((file): [string, ManifestFile] => [file.name, file]))('%s', (_name, file) => {
  const manifest = onlyManifest(file)
  const expected = expectedOf(file)

  test('is refused by the API server', async () => {
    expect(told(causesOf(await server().create(manifest)))).toEqual(expected.apiServer)
  })

  test('is refused without it', () => {
    const parsed = parseManifest(manifest)
    expect(told(parsed.ok ? [] : parsed.problems)).toEqual(expected.parse ?? expected.apiServer.map(withoutValue))
  })
})
