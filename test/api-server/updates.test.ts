import { describe, expect, test } from 'vitest'
import {
  type Parsed,
  parseQueue,
  parseQueueBroker,
  parseQueueOperation,
  queueBrokerUpdateProblems,
  queueOperationUpdateProblems,
  queueUpdateProblems,
} from '../../crds/index.ts'
import { expectedOf, told, withoutValue } from './expectations.ts'
import type { Manifest } from './manifest.ts'
import { type ManifestFile, manifestFiles } from './manifests.ts'
import { causesOf, useApiServer } from './server.ts'

const server = useApiServer()
const files = manifestFiles('updates')

function valueOf<T>(parsed: Parsed<T>): T {
  if (!parsed.ok) throw new Error(told(parsed.problems).join('\n'))
  return parsed.value
}

/** What is told of a change without the API server: of the new manifest by itself, else of the change. */
function problemsOfUpdate(before: Manifest, after: Manifest) {
  if (before.kind === 'QueueOperation') {
    return queueOperationUpdateProblems(
      valueOf(parseQueueOperation(before)).spec,
      valueOf(parseQueueOperation(after)).spec,
    )
  }
  const parsed = before.kind === 'QueueBroker' ? parseQueueBroker(after) : parseQueue(after)
  if (!parsed.ok) return parsed.problems
  return before.kind === 'QueueBroker'
    ? queueBrokerUpdateProblems(valueOf(parseQueueBroker(before)).spec, valueOf(parseQueueBroker(after)).spec)
    : queueUpdateProblems(valueOf(parseQueue(before)).spec, valueOf(parseQueue(after)).spec)
}

function pairOf({ name, manifests }: ManifestFile): [before: Manifest, after: Manifest] {
  const [before, after, ...more] = manifests
  if (before === undefined || after === undefined || more.length > 0)
    throw new Error(`${name} is not a pair of manifests`)
  return [before, after]
}

describe.each(files.map((file): [string, ManifestFile] => [file.name, file]))('%s', (name, file) => {
  const [before, after] = pairOf(file)
  const expected = name.startsWith('refused-') ? expectedOf(file) : { apiServer: [], parse: [] }

  test('is answered by the API server as its name says', async () => {
    expect(await server().create(before)).toMatchObject({ status: 201 })
    const answer = await server().replace(after)
    expect(await server().delete(before.kind, before.metadata.name)).toMatchObject({ status: 200 })
    expect(told(causesOf(answer))).toEqual(expected.apiServer)
  })

  test('is answered without it as its name says', () => {
    expect(told(problemsOfUpdate(before, after))).toEqual(expected.parse ?? expected.apiServer.map(withoutValue))
  })
})
