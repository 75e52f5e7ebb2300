import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Change, ResourceCache } from './cache.ts'
import type { KubeObject } from './object.ts'

type Thing = KubeObject & { spec: string }

const thing = (name: string, version: number, spec = `v${version}`, namespace = 'n'): Thing => ({
  apiVersion: 'v1',
  kind: 'Thing',
  metadata: { name, namespace, resourceVersion: String(version) },
  spec,
})

const bySpec = { spec: (object: Thing) => object.spec }
const at = (name: string) => ({ namespace: 'n', name })

describe('ResourceCache', () => {
  it('takes what a list found, and nothing else', () => {
    const cache = new ResourceCache<Thing>(bySpec)
    cache.listing('n')
    cache.replace('n', [thing('a', 1), thing('b', 2)], '5')
    cache.listing('n')
    cache.replace('n', [thing('b', 2), thing('c', 7)], '8')
    expect([...cache.values()].map(({ metadata }) => metadata.name).toSorted()).toEqual(['b', 'c'])
    expect(cache.by('spec', 'v1')).toEqual([])
    expect(cache.by('spec', 'v7').map(({ metadata }) => metadata.name)).toEqual(['c'])
  })

  it('finds an object under the value that it has now, not under the one that it had', () => {
    const cache = new ResourceCache<Thing>(bySpec)
    cache.listing('n')
    cache.replace('n', [thing('a', 1, 'old')], '5')
    cache.watched('n', 'MODIFIED', thing('a', 6, 'new'))
    expect(cache.by('spec', 'old')).toEqual([])
    expect(cache.by('spec', 'new')).toHaveLength(1)
  })

  it('shows a write at once, and is not set back by older news', () => {
    const cache = new ResourceCache<Thing>()
    cache.listing('n')
    cache.replace('n', [thing('a', 1)], '5')
    cache.wrote(thing('a', 9))
    cache.watched('n', 'MODIFIED', thing('a', 7))
    expect(cache.get(at('a'))?.spec).toBe('v9')
    cache.watched('n', 'DELETED', thing('a', 8))
    expect(cache.get(at('a'))?.spec).toBe('v9')
    cache.watched('n', 'DELETED', thing('a', 10))
    expect(cache.get(at('a'))).toBeUndefined()
  })

  it('does not bring back what was deleted after the write, when its answer comes late', () => {
    const cache = new ResourceCache<Thing>()
    cache.listing('n')
    cache.replace('n', [thing('a', 1)], '5')
    cache.watched('n', 'DELETED', thing('a', 8))
    cache.wrote(thing('a', 7))
    expect(cache.get(at('a'))).toBeUndefined()
    cache.bookmark('n', '20')
    cache.wrote(thing('b', 15))
    expect(cache.get(at('b'))).toBeUndefined()
  })

  it('keeps what was written while a list was under way, until the next list', () => {
    const cache = new ResourceCache<Thing>()
    cache.listing('n')
    cache.replace('n', [], '5')
    cache.listing('n')
    cache.wrote(thing('a', 9))
    cache.replace('n', [], '8')
    expect(cache.get(at('a'))?.spec).toBe('v9')
    cache.listing('n')
    cache.replace('n', [], '30')
    expect(cache.get(at('a'))).toBeUndefined()
  })

  it('takes a list whose version is older, as after etcd was restored', () => {
    const cache = new ResourceCache<Thing>()
    cache.listing('n')
    cache.replace('n', [thing('a', 100), thing('gone', 90)], '100')
    cache.listing('n')
    cache.replace('n', [thing('a', 3)], '4')
    expect([...cache.values()].map(({ spec }) => spec)).toEqual(['v3'])
    cache.watched('n', 'MODIFIED', thing('a', 5))
    expect(cache.get(at('a'))?.spec).toBe('v5')
  })

  it('keeps namespaces that are watched one by one apart', () => {
    const cache = new ResourceCache<Thing>()
    cache.listing('n')
    cache.replace('n', [thing('a', 1)], '5')
    cache.listing('m')
    cache.replace('m', [thing('a', 2, 'other', 'm')], '50')
    cache.listing('n')
    cache.replace('n', [], '60')
    expect([...cache.values()].map(({ spec }) => spec)).toEqual(['other'])
    // The watch of the other one is further; this one's is what counts.
    cache.wrote(thing('b', 61))
    expect(cache.get(at('b'))?.spec).toBe('v61')
  })

  it('tells each change once, with what was there before', () => {
    const cache = new ResourceCache<Thing>()
    const told: string[] = []
    cache.onChange(({ before, after }: Change<Thing>) => told.push(`${before?.spec} → ${after?.spec}`))
    cache.listing('n')
    cache.replace('n', [thing('a', 1)], '5')
    cache.wrote(thing('a', 6))
    cache.watched('n', 'MODIFIED', thing('a', 6))
    cache.watched('n', 'DELETED', thing('a', 7))
    cache.listing('n')
    cache.replace('n', [], '9')
    expect(told).toEqual(['undefined → v1', 'v1 → v6', 'v6 → undefined'])
  })

  it('forgets managedFields, which nobody reads', () => {
    const cache = new ResourceCache<Thing>()
    const { metadata, ...rest } = thing('a', 6)
    cache.listing('n')
    const object: Thing = { ...rest, metadata: Object.assign(metadata, { managedFields: [{}] }) }
    cache.replace('n', [object], '6')
    expect(cache.get(at('a'))?.metadata).not.toHaveProperty('managedFields')
  })

  /**
   * A model of an API server: a history of versions of three objects. The watch tells it in order, behind; answers to our writes
   * come at any time after their version; lists come in between.
   */
  it('ends up with what is there, in whatever order news arrives', () => {
    const step = fc.record({
      name: fc.constantFrom('a', 'b', 'c'),
      remove: fc.boolean(),
      /** Ours: its answer comes after so many more steps of the watch. */
      answered: fc.option(fc.integer({ min: 0, max: 6 })),
      listAfter: fc.boolean(),
    })
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 40 }),
        fc.array(fc.nat({ max: 4 }), { maxLength: 40 }),
        (steps, behind) => {
          const cache = new ResourceCache<Thing>(bySpec)
          cache.listing('n')
          cache.replace('n', [], '1')
          const truth = new Map<string, Thing>()
          const history: { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: Thing }[] = []
          const answers: { due: number; object: Thing }[] = []
          let told = 0
          const tell = (upTo: number): void => {
            for (; told < Math.min(upTo, history.length); told += 1) {
              for (const { object } of answers.filter(({ due }) => due === told)) cache.wrote(object)
              const event = history[told]
              if (event !== undefined) cache.watched('n', event.type, event.object)
            }
          }
          steps.forEach(({ name, remove, answered, listAfter }, index) => {
            const version = index + 2
            const object = thing(name, version)
            const known = truth.has(name)
            if (remove && !known) return
            history.push({ type: remove ? 'DELETED' : known ? 'MODIFIED' : 'ADDED', object })
            if (remove) truth.delete(name)
            else truth.set(name, object)
            if (!remove && answered !== null) answers.push({ due: history.length - 1 + answered, object })
            tell(history.length - (behind[index] ?? 0))
            if (!listAfter) return
            cache.listing('n')
            cache.replace('n', [...truth.values()], String(version))
            // The watch begins anew where the list ended.
            told = history.length
          })
          tell(history.length)
          for (const { object, due } of answers) if (due >= history.length) cache.wrote(object)
          const versions = (objects: Iterable<Thing>) => [...objects].map(({ spec }) => spec).toSorted()
          expect(versions(cache.values())).toEqual(versions(truth.values()))
          for (const { spec } of truth.values()) expect(cache.by('spec', spec)).toHaveLength(1)
        },
      ),
      { numRuns: 1000 },
    )
  })
})
