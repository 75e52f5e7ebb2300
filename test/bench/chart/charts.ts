import { PEER_NAMES } from '../peers/peer.ts'
import type { Report } from '../report.ts'
import { CASE_FIELDS, peerMedian, type Row } from '../row.ts'
import { barChart, type Bar } from './bar-chart.ts'

/** Charts of a report, one for each bench and unit: file name without its ending, and the SVG. */
export function charts({ command, machine, results }: Report): Array<readonly [name: string, svg: string]> {
  const kinds = Map.groupBy(results, (row) => `${benchOf(row)} ${row.unit}`)
  const names = new Set<string>()
  return [...kinds.values()].flatMap((rows) => {
    const [first] = rows
    if (first === undefined) return []
    const bench = benchOf(first)
    // A bench's first unit is what it is about.
    const name = names.has(bench) ? `${bench}-${first.unit.replace('µ', 'u').replaceAll(/\W+/g, '-')}` : bench
    names.add(bench)
    const { cpu, cores, memoryGiB, kernel, fileSystem } = machine
    const svg = barChart({
      title: `${bench}, ${first.unit}${LESS_IS_BETTER.has(first.unit) ? ', less is better' : ''}`,
      notes: [
        `${cpu}, ${cores} cores, ${memoryGiB} GiB, ${kernel}, ${fileSystem}, loopback; medians of ${first.oursRuns.length}`,
        command,
        'Bars are to scale within a group.',
      ],
      series: seriesOf(bench),
      groups: rows.map((row) => ({ label: label(row), bars: bars(row) })),
    })
    return [[name, svg] as const]
  })
}

const LESS_IS_BETTER = new Set(['ms', 'MiB', 'µs/msg'])

/** `latency-p99` is a figure of the bench `latency`. */
const benchOf = ({ name }: Row): string => name.split('-')[0] ?? name

function label(row: Row): string {
  const { name, mode, durability } = row
  const figure = name.slice(benchOf(row).length + 1)
  return [
    ...(figure === '' ? [] : [figure]),
    mode,
    durability,
    ...CASE_FIELDS.flatMap(([field, words]) => {
      const value = row[field]
      return value === undefined ? [] : [`${value.toLocaleString('en')} ${words}`]
    }),
  ].join(', ')
}

/** Of those that were measured. */
function bars(row: Row): Bar[] {
  const values = [row.ours, row.raw, ...PEER_NAMES.map((name) => peerMedian(row, name))]
  return seriesOf(benchOf(row)).flatMap((series, i) => {
    const value = values[i]
    return value === undefined ? [] : [{ series, value }]
  })
}

/** What ours, raw and the peers are called. */
const seriesOf = (bench: string): string[] => [
  ...(bench === 'memory' ? ['many waiting', '1,000 waiting'] : ['Pillion', 'raw JetStream']),
  ...PEER_NAMES.map((name) => PEER_TITLES[name]),
]

const PEER_TITLES = { redis: 'Redis', rabbitmq: 'RabbitMQ', artemis: 'Artemis', kafka: 'Kafka' } as const
