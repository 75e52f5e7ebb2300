import { describe, expect, test } from 'vitest'
import { parseQueueSpec } from '../../crds/index.ts'
import { streamShape } from '../../sidecar/lanes/lanes.ts'
import { misfit, modeOfStream } from './modes.ts'

/** The stream of a Queue, as the sidecar makes it. */
function stream(spec: object): Parameters<typeof modeOfStream>[1] {
  const parsed = parseQueueSpec(spec)
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems))
  const { subjects, transform, maxPerSubject } = streamShape('orders', parsed.value)
  return {
    subjects: [...subjects],
    ...(transform === undefined ? {} : { subject_transform: transform }),
    max_msgs_per_subject: maxPerSubject ?? -1,
  }
}

const found = (spec: object) => modeOfStream('orders', stream(spec))

describe('modeOfStream', () => {
  test.each([
    ['Fifo', { ordering: { mode: 'Fifo' } }, 0],
    ['KeyedFifo', { ordering: { mode: 'KeyedFifo' } }, 0],
    ['Priority', { ordering: { mode: 'Priority', priority: { levels: 3 } } }, 3],
    ['Lru', { ordering: { mode: 'Lru' } }, 0],
    ['Hierarchical', { type: 'Hierarchical' }, 0],
  ])('%s', (mode, spec, levels) => {
    expect(found(spec)).toEqual({ mode, levels })
  })

  test.each([[[]], [['other']], [['q.orders.a']], [['q.orders.*']]])('unknown: %j', (subjects) => {
    expect(modeOfStream('orders', { subjects, max_msgs_per_subject: -1 })).toBeUndefined()
  })
})

test('misfit names the option that is wrong', () => {
  const priority = found({ ordering: { mode: 'Priority', priority: { levels: 3 } } })
  const fifo = found({})
  expect(misfit('Fifo', 10, 'orders', priority)).toBe(
    '--mode is Fifo, and Queue orders takes publishes as in mode Priority',
  )
  expect(misfit('Priority', 4, 'orders', priority)).toBe('--levels is 4, and Queue orders has 3')
  expect(misfit('Priority', 3, 'orders', priority)).toBeUndefined()
  expect(misfit('Exclusive', 10, 'orders', fifo)).toBeUndefined()
  expect(misfit('Exclusive', 10, 'orders', priority)).toMatch(/--mode is Exclusive/)
  expect(misfit('Lru', 10, 'orders', undefined)).toBeUndefined()
})
