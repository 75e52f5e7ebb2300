import type { Panel, RowPanel } from '@grafana/grafana-foundation-sdk/dashboard'
import { describe, expect, test } from 'vitest'
import { queuesDashboard } from './queues.ts'

const dashboard = queuesDashboard()
const all = dashboard.panels ?? []
const panels = all.filter((panel): panel is Panel => panel.type !== 'row')
const titled = (panel: Panel | RowPanel) => panel.title ?? ''

describe('the grid', () => {
  const GRID_WIDTH = 24
  const places = all.flatMap((panel) => (panel.gridPos ? [{ title: titled(panel), ...panel.gridPos }] : []))

  test('has a place for every panel', () => {
    expect(places.length).toBe(all.length)
  })

  test('has every panel within its width', () => {
    expect(places.filter(({ x, w }) => x < 0 || x + w > GRID_WIDTH)).toEqual([])
  })

  test('has no two panels in one place', () => {
    const overlaps = places.flatMap((a, index) =>
      places
        .slice(index + 1)
        .filter((b) => a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h)
        .map((b) => `${a.title} and ${b.title}`),
    )
    expect(overlaps).toEqual([])
  })
})

test('ids of panels are unique', () => {
  const ids = all.map(({ id }) => id)
  expect(ids).not.toContain(undefined)
  expect(new Set(ids).size).toBe(all.length)
})

test('titles of panels are unique, so that a message may name a panel by its title', () => {
  expect(new Set(all.map(titled)).size).toBe(all.length)
})

test('rows stand in the order in which a person looks', () => {
  expect(all.filter(({ type }) => type === 'row').map(titled)).toEqual([
    'Overview',
    'Depth and age',
    'Rates and consumers',
    'Limits',
    'Retries and dead letters',
    'Transactions',
    'Brokers',
    'Operator',
  ])
})

test.each(panels.map((panel) => [titled(panel), panel] as const))(
  '%s says what it shows, in which unit, from the chosen data source',
  (_, panel) => {
    expect(panel.description).toMatch(/^[A-Z0-9].{20,}[.]$/)
    expect(panel.fieldConfig?.defaults.unit).toBeTruthy()
    expect(panel.targets?.length).toBeGreaterThan(0)
    expect(panel.datasource).toEqual({ type: 'prometheus', uid: '${datasource}' })
  },
)

test('rates of a counter are of the interval that Grafana knows to span two scrapes', () => {
  const text = JSON.stringify(panels)
  expect(text.match(/rate\(/g)?.length).toBe(text.match(/\[\$__rate_interval\]/g)?.length)
})
