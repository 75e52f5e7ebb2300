import { expect, test } from 'vitest'
import { dashboardQueries } from './queries.ts'

const panel = (title: string, ...exprs: string[]) => ({
  title,
  targets: exprs.map((expr, index) => ({ refId: 'AB'[index], expr })),
})
const variable = (name: string, query: string) => ({
  name,
  type: 'query',
  allValue: '.*',
  query: { query, refId: name },
})
const dashboard = (panels: object[], list: object[] = []) => ({ panels, templating: { list } })

test('gives every query of every panel, also of those inside a collapsed row', () => {
  const nested = { title: 'a row', type: 'row', panels: [panel('inside', 'c')] }
  expect(dashboardQueries(dashboard([panel('first', 'a', 'b'), nested]))).toEqual([
    { where: 'first (A)', expr: 'a' },
    { where: 'first (B)', expr: 'b' },
    { where: 'inside (A)', expr: 'c' },
  ])
})

test('fills in variables however they are written, and the interval of rates', () => {
  const exprs = ['a{n=~"$ns"}', 'rate(b{n=~"${ns}",m=~"${ns:regex}"}[$__rate_interval])']
  const queries = dashboardQueries(dashboard([panel('p', ...exprs)], [variable('ns', 'label_values(a, n)')]), {
    rateInterval: '4s',
  })
  expect(queries.slice(1).map(({ expr }) => expr)).toEqual(['a{n=~".*"}', 'rate(b{n=~".*",m=~".*"}[4s])'])
})

test('asks for series that have the label which a variable offers', () => {
  const list = [variable('ns', 'label_values(a, n)'), variable('queue', 'label_values(a{n=~"$ns"}, q)')]
  expect(dashboardQueries(dashboard([], list))).toEqual([
    { where: 'variable ns', expr: 'group by (n) (a{n!=""})' },
    { where: 'variable queue', expr: 'group by (q) (a{n=~".*", q!=""})' },
  ])
})

test('a variable that nobody defines is an error that names the panel', () => {
  expect(() => dashboardQueries(dashboard([panel('Depth', 'a{n=~"$ns"}')]))).toThrow(
    /Depth \(A\): nothing defines \$ns/,
  )
})

test('a variable that asks for something else than label values is an error', () => {
  const list = [variable('ns', 'metrics(a)')]
  expect(() => dashboardQueries(dashboard([], list))).toThrow(/variable ns: "metrics\(a\)" is not label_values/)
})

test('what is no dashboard is an error', () => {
  expect(() => dashboardQueries({ panels: 'none' })).toThrow(/panels/)
})
