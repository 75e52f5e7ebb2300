import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { MODES } from './modes.ts'
import { withDefaults } from './options.ts'
import { routing, subQueuePaths } from './routing.ts'

const of = (mode: (typeof MODES)[number], more: object = {}) =>
  routing(withDefaults({ server: '', queue: 'orders', mode, producers: 3, ...more }))

describe('routing', () => {
  const key = fc.record({ producer: fc.nat(2), number: fc.nat(1_000_000) })

  test.prop([fc.constantFrom(...MODES), key])('each message has a route, the same each time', (mode, message) => {
    const { routes, of: route } = of(mode)
    expect(route(message)).toBe(route({ ...message }))
    expect(route(message)).toBeGreaterThanOrEqual(0)
    expect(route(message)).toBeLessThan(routes)
  })

  it.each(MODES)('%s: every route is used, and has a subject of its own', (mode) => {
    const { routes, of: route, suffix } = of(mode, { keys: 20 })
    const used = new Set<number>()
    for (let number = 0; number < 2000; number++)
      for (const producer of [0, 1, 2]) used.add(route({ producer, number }))
    expect(used.size).toBe(routes)
    expect(new Set([...used].map(suffix)).size).toBe(routes)
  })

  it('keys belong to one producer each', () => {
    const { of: route } = of('KeyedFifo')
    const owners = new Map<number, number>()
    for (let number = 0; number < 500; number++) {
      for (const producer of [0, 1, 2]) {
        const at = route({ producer, number })
        expect(owners.get(at) ?? producer).toBe(producer)
        owners.set(at, producer)
      }
    }
  })

  it('half of the messages go to the first sub-queue', () => {
    const { of: route } = of('Hierarchical')
    const first = Array.from({ length: 4000 }, (_, number) => route({ producer: 0, number })).filter((at) => at === 0)
    expect(Math.abs(first.length - 2000)).toBeLessThan(200)
  })

  it('no sub-queue is within another', () => {
    const paths = subQueuePaths(256)
    for (const path of paths) expect(paths.filter((other) => `${other}.`.startsWith(`${path}.`))).toEqual([path])
  })
})
