import { expect, test } from 'vitest'
import { row } from '../row.ts'
import { charts } from './charts.ts'

const machine = { cpu: 'A & B <1>', cores: 2, memoryGiB: 24, kernel: 'Linux 6', fileSystem: 'ext4' }
const publish = (inFlight: number, ours: number, raw: number) =>
  row({ name: 'publish', mode: 'Fifo', durability: 'Always', inFlight }, 'msg/s', [ours], [raw], {
    redis: { version: '8', median: 4 * raw, runs: [4 * raw] },
    rabbitmq: { notRun: 'no Debian' },
  })
const one = (name: string, unit: string) => row({ name, mode: 'Fifo', durability: 'Interval' }, unit, [3], [2])
const draw = (...results: ReturnType<typeof row>[]) =>
  new Map(charts({ command: 'npm run bench -- publish', machine, results, failed: [] }))

/** Class and width of each bar. */
const bars = (svg = '') =>
  [...svg.matchAll(/<rect class="(s\d)" .*?width="(\d+)"/g)].map(([, kind, width]) => [kind, Number(width)])
const texts = (svg = '', kind = '') =>
  [...svg.matchAll(new RegExp(`<text class="${kind}".*?>(.*?)</text>`, 'g'))].map(([, text]) => text)

test('has a group for each row and a bar for each side that was measured, to scale within the group', () => {
  const svg = draw(publish(1, 1000, 2000), publish(1000, 40_000, 4000)).get('publish')
  expect(texts(svg, 'group')).toEqual(['Fifo, Always, 1 in flight', 'Fifo, Always, 1,000 in flight'])
  expect(texts(svg, 'series')).toEqual(['Pillion', 'raw JetStream', 'Redis', 'Pillion', 'raw JetStream', 'Redis'])
  expect(texts(svg, 'value')).toEqual(['1,000', '2,000', '8,000', '40,000', '4,000', '16,000'])
  const [ours, raw, redis, ...second] = bars(svg)
  expect([ours?.[0], raw?.[0], redis?.[0]]).toEqual(['s0', 's1', 's2'])
  expect(Number(redis?.[1]) / Number(ours?.[1])).toBeCloseTo(8, 1)
  expect(Number(redis?.[1]) / Number(raw?.[1])).toBeCloseTo(4, 1)
  expect(second[0]?.[1]).toBe(redis?.[1])
})

test('says on what machine and how to repeat it, with what XML takes for itself escaped', () => {
  const svg = draw(publish(1, 1, 1)).get('publish')
  expect(texts(svg, 'note')).toEqual([
    'A &amp; B &lt;1&gt;, 2 cores, 24 GiB, Linux 6, ext4, loopback; medians of 1',
    'npm run bench -- publish',
    'Bars are to scale within a group.',
  ])
})

test('has a ground of its own and colours for both themes', () => {
  const svg = draw(publish(1, 1, 1)).get('publish')
  expect(svg).toContain('prefers-color-scheme:dark')
  expect(svg).toMatch(/<rect class="ground" width="\d+" height="\d+"/)
})

test('is one a bench and unit', () => {
  const drawn = draw(one('consume', 'msg/s'), one('latency-p50', 'ms'), one('tx-1', 'tx/s'), one('tx-1-p50', 'ms'))
  expect([...drawn.keys()]).toEqual(['consume', 'latency', 'tx', 'tx-ms'])
  expect(texts(drawn.get('tx-ms'), 'title')).toEqual(['tx, ms, less is better'])
  expect(texts(drawn.get('tx-ms'), 'group')).toEqual(['1-p50, Fifo, Interval'])
})

test('says what a row is told apart by, and is called by letters that every system has', () => {
  const depth = row({ name: 'depth', mode: 'Fifo', durability: 'Always', waiting: 10_000 }, 'msg/s', [3], [2])
  const cpu = row({ name: 'consume-cpu', mode: 'Fifo', durability: 'Always' }, 'µs/msg', [3], [2])
  const drawn = draw(depth, one('consume', 'msg/s'), cpu)
  expect(texts(drawn.get('depth'), 'group')).toEqual(['Fifo, Always, 10,000 waiting'])
  expect(texts(drawn.get('consume-us-msg'), 'title')).toEqual(['consume, µs/msg, less is better'])
})

test('gives a peer the same colour whether or not others are there', () => {
  const kafka = { version: '4', median: 5, runs: [5] }
  const alone = row({ name: 'publish', mode: 'Fifo', durability: 'Always', inFlight: 1 }, 'msg/s', [3], [2], { kafka })
  const rabbitmq = { version: '4', median: 5, runs: [5] }
  const both = { ...alone, peers: { rabbitmq, kafka } }
  expect(bars(draw(alone).get('publish')).at(-1)).toEqual(bars(draw(both).get('publish')).at(-1))
})
