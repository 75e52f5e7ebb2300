import { describe, expect, test } from 'vitest'
import { type ManifestFile, manifestFiles, onlyManifest, parseManifest } from './manifests.ts'
import { useApiServer } from './server.ts'

const server = useApiServer()
const all = manifestFiles('valid')
const isDefaulted = ({ name }: ManifestFile) => name.endsWith('.defaulted.yaml')
const files = all.filter((file) => !isDefaulted(file))

function specWithDefaults(file: ManifestFile): unknown {
  const name = file.name.replace('.yaml', '.defaulted.yaml')
  const defaulted = all.find((other) => other.name === name)
  if (defaulted === undefined) throw new Error(`${name}, with the defaults that ${file.name} gets, is missing`)
  return onlyManifest(defaulted)['spec']
}

test('each file of defaults belongs to a manifest', () => {
  expect(all.filter(isDefaulted)).toHaveLength(files.length)
})

describe.each(files.map((file): [string, ManifestFile] => [file.name, file]))('%s', (_name, file) => {
  const manifest = onlyManifest(file)

  test('gets its defaults from the API server', async () => {
    const answer = await server().create(manifest)
    expect(answer).toMatchObject({ status: 201 })
    expect(answer.body['spec']).toEqual(specWithDefaults(file))
    expect(await server().delete(manifest.kind, manifest.metadata.name)).toMatchObject({ status: 200 })
  })

  test('gets the same defaults without it', () => {
    expect(parseManifest(manifest)).toMatchObject({ ok: true, value: { spec: specWithDefaults(file) } })
    const parsed = parseManifest(manifest)
    expect(parsed.ok && parsed.value.spec).toEqual(specWithDefaults(file))
  })
})

describe.each(
  manifestFiles('../../crds/examples').flatMap(({ name, manifests }) =>
    manifests.map((manifest): [string, string, typeof manifest] => [name, manifest.metadata.name, manifest]),
  ),
)('example %s: %s', (_file, _name, manifest) => {
  test('is taken, with the same defaults by the API server and without it', async () => {
    const answer = await server().create(manifest)
    expect(answer).toMatchObject({ status: 201 })
    const parsed = parseManifest(manifest)
    expect(parsed).toMatchObject({ ok: true })
    expect(parsed.ok && parsed.value.spec).toEqual(answer.body['spec'])
  })

  test('is read back as it is stored', async () => {
    const stored = await server().stored(manifest.kind, manifest.metadata.name)
    expect(parseManifest(stored)).toMatchObject({ ok: true })
  })
})
