import { afterEach, describe, expect, it } from 'vitest'
import { FakeClock, settle } from '../../test/operator/harness/fake-clock.ts'
import { type Answer, ScriptedTransport } from '../../test/operator/harness/scripted-transport.ts'
import { ResourceCache } from './cache.ts'
import { KubeClient } from './client.ts'
import type { KubeObject } from './object.ts'
import { Reflector } from './reflector.ts'
import type { Resource } from './resources.ts'

const things: Resource<KubeObject> = { group: 'g', version: 'v1', plural: 'things', kind: 'Thing', namespaced: true }
const thing = (name: string, version: number): KubeObject => ({
  apiVersion: 'g/v1',
  kind: 'Thing',
  metadata: { name, namespace: 'n', resourceVersion: String(version) },
})
const list = (version: number, ...items: KubeObject[]): Answer => ({
  status: 200,
  body: { items, metadata: { resourceVersion: String(version) } },
})
const bookmark = (version: number) => ({ type: 'BOOKMARK', object: thing('', version) })
const gone = { type: 'ERROR', object: { code: 410, reason: 'Expired', message: 'too old resource version' } }

/** Lists and watches are answered in the order of two scripts; the last entry goes on for ever. */
function reflecting(lists: Answer[], watches: Answer[], clock: FakeClock) {
  const cache = new ResourceCache<KubeObject>()
  const errors: string[] = []
  const stop = new AbortController()
  const next = (script: Answer[]): Answer => (script.length > 1 ? script.shift() : script[0]) ?? 'refused'
  const transport = new ScriptedTransport(({ query }) => next(query?.['watch'] === 'true' ? watches : lists))
  const reflector = new Reflector({
    client: new KubeClient({ transport }),
    kind: things,
    cache,
    namespace: 'n',
    labels: 'a=b',
    clock,
    random: () => 0,
    onError: (error) => errors.push(error instanceof Error ? error.message : String(error)),
  })
  const running = reflector.run(stop.signal)
  const names = () =>
    [...cache.values()].map(({ metadata }) => `${metadata.name}@${metadata.resourceVersion}`).toSorted()
  const end = async () => {
    stop.abort()
    await running
  }
  return { clock, names, errors, transport, reflector, end }
}

const watchesOf = ({ asked }: ScriptedTransport) =>
  asked.flatMap((url) => /watch=true.*resourceVersion=(\d+)/.exec(url)?.[1] ?? [])
const listsOf = ({ asked }: ScriptedTransport) => asked.filter((url) => !url.includes('watch=true'))

describe('Reflector', () => {
  const ends: (() => Promise<void>)[] = []
  afterEach(async () => {
    for (const end of ends.splice(0)) await end()
  })
  const start = (lists: Answer[], watches: Answer[], clock = new FakeClock()) => {
    const started = reflecting(lists, watches, clock)
    ends.push(started.end)
    return started
  }
  const stays: Answer = { events: [], after: 'stays' }

  it('lists page by page, then watches from there with bookmarks, by label and namespace', async () => {
    const page: Answer = {
      status: 200,
      body: { items: [thing('a', 1)], metadata: { resourceVersion: '5', continue: 'more' } },
    }
    const { names, transport, reflector } = start([page, list(5, thing('b', 2))], [stays])
    await reflector.synced
    await settle()
    expect(names()).toEqual(['a@1', 'b@2'])
    expect(transport.asked).toEqual([
      'GET /apis/g/v1/namespaces/n/things?limit=500&labelSelector=a%3Db',
      'GET /apis/g/v1/namespaces/n/things?limit=500&labelSelector=a%3Db&continue=more',
      'GET /apis/g/v1/namespaces/n/things?watch=true&allowWatchBookmarks=true&resourceVersion=5&timeoutSeconds=300&labelSelector=a%3Db',
    ])
  })

  it('takes up a watch that ended or broke off where it was, by the last event or bookmark', async () => {
    const { clock, names, transport, errors } = start(
      [list(5, thing('a', 1))],
      [
        { events: [{ type: 'MODIFIED', object: thing('a', 7) }], after: 'breaks' },
        { events: [bookmark(20)], after: 'breaks' },
        stays,
      ],
    )
    await clock.pass(2000)
    expect(watchesOf(transport)).toEqual(['5', '7', '20'])
    expect(listsOf(transport)).toHaveLength(1)
    expect(names()).toEqual(['a@7'])
    expect(errors).toHaveLength(2)
  })

  it.each([
    ['in the stream', { events: [gone], after: 'ends' }],
    ['as the answer', { status: 410, body: { code: 410, reason: 'Expired', message: 'too old' } }],
  ] satisfies [string, Answer][])(
    'lists again at once when its version is too old, told %s',
    async (_where, answer) => {
      const { clock, names, transport, errors } = start(
        [list(5, thing('a', 1)), list(30, thing('b', 29))],
        [answer, stays],
      )
      await clock.pass(0)
      expect(watchesOf(transport)).toEqual(['5', '30'])
      expect(names()).toEqual(['b@29'])
      expect(errors).toEqual([])
    },
  )

  it('waits longer and longer for an API server that is not there, and keeps what it knows', async () => {
    const { clock, names, transport } = start(
      [list(5, thing('a', 1))],
      ['refused', 'refused', 'refused', { events: [bookmark(9)], after: 'stays' }],
    )
    await clock.pass(0)
    const openedAt: number[] = []
    for (let ms = 0; ms < 3000; ms += 50) {
      const before = transport.requests.length
      await clock.pass(50)
      if (transport.requests.length > before) openedAt.push(ms + 50)
    }
    expect(openedAt).toEqual([200, 600, 1400])
    expect(names()).toEqual(['a@1'])
    expect(watchesOf(transport)).toEqual(['5', '5', '5', '5'])
  })

  it('goes on listing where the first list fails, and waits as long as it is asked to', async () => {
    const busy: Answer = { status: 429, body: { code: 429, message: 'busy' }, headers: { 'retry-after': '7' } }
    const { clock, names, errors } = start([busy, list(5, thing('a', 1))], [stays])
    await clock.pass(6999)
    expect(names()).toEqual([])
    await clock.pass(1)
    expect(names()).toEqual(['a@1'])
    expect(errors[0]).toContain('429')
  })

  it('a watch that is closed as soon as it is opened is no busy loop', async () => {
    const { clock, transport } = start([list(5)], [{ events: [], after: 'ends' }])
    await clock.pass(60_000)
    // After the first waits, which grow, one in 2.5 to 5 s.
    expect(transport.requests.length).toBeLessThan(32)
  })

  it('reads the whole list again every ten minutes, and finds what no watch told', async () => {
    const clock = new FakeClock()
    const asLongAsAsked = (): Promise<void> => new Promise((resolve) => void clock.after(300_000, resolve))
    const watches: Answer[] = [{ events: [bookmark(6)], after: asLongAsAsked }]
    const { names, transport } = start([list(5, thing('a', 1)), list(50, thing('b', 40))], watches, clock)
    await clock.pass(599_999)
    expect(names()).toEqual(['a@1'])
    expect(watchesOf(transport)).toEqual(['5', '6'])
    await clock.pass(1)
    expect(names()).toEqual(['b@40'])
    expect(watchesOf(transport)).toEqual(['5', '6', '50'])
  })

  it('reads credentials again after a 401, and tries once more', async () => {
    const denied: Answer = { status: 401, body: { code: 401, message: 'Unauthorized' } }
    const { clock, names, transport, errors } = start([denied, list(5, thing('a', 1))], [stays])
    await clock.pass(0)
    expect(names()).toEqual(['a@1'])
    expect(transport.forgotten).toBe(1)
    expect(errors).toEqual([])
  })
})
