import { createServer, type Server } from 'node:http'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { afterEach, expect, test } from 'vitest'
import { checkDashboard } from './check.ts'

// A Prometheus that says what a test wants to hear; the dashboard itself is run on a real one in test/chart/.
let server: Server | undefined
afterEach(() => server?.close())

async function prometheus(answers: Record<string, object>): Promise<string> {
  server = createServer((request, response) => {
    const answer = async () => {
      const query = new URLSearchParams(await text(request)).get('query') ?? ''
      response.end(JSON.stringify(answers[query] ?? { status: 'error', error: `not expected: ${query}` }))
    }
    void answer()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return `http://127.0.0.1:${address.port}`
}

const series = (count: number, remarks: object = {}) => ({
  status: 'success',
  data: { resultType: 'vector', result: Array.from({ length: count }, () => ({})) },
  ...remarks,
})
const dashboard = (...exprs: string[]) => ({
  panels: exprs.map((expr) => ({ title: `panel of ${expr}`, targets: [{ refId: 'A', expr }] })),
  templating: { list: [] },
})

test('tells how many series each query gave', async () => {
  const url = await prometheus({ up: series(2), a: series(1) })
  expect(await checkDashboard(url, { dashboard: dashboard('up', 'a'), mayBeAbsent: {} })).toEqual([
    { where: 'panel of up (A)', expr: 'up', series: 2 },
    { where: 'panel of a (A)', expr: 'a', series: 1 },
  ])
})

test('fails for a query that Prometheus refuses, and runs the others all the same', async () => {
  const url = await prometheus({ 'sum(': { status: 'error', error: 'parse error' }, a: series(0) })
  const checked = checkDashboard(url, { dashboard: dashboard('sum(', 'a'), mayBeAbsent: {} })
  await expect(checked).rejects.toThrow(
    /panel of sum\( \(A\): parse error\n\s+sum\(\n\s+panel of a \(A\): gave no series/,
  )
})

test('fails for a query on which Prometheus remarks', async () => {
  const url = await prometheus({ 'rate(a[1m])': series(1, { infos: ['metric might not be a counter'] }) })
  const checked = checkDashboard(url, { dashboard: dashboard('rate(a[1m])'), mayBeAbsent: {} })
  await expect(checked).rejects.toThrow(/metric might not be a counter/)
})

test('lets a query give nothing whose metric may be absent, and only that', async () => {
  const url = await prometheus({ 'sum(a_total)': series(0), 'sum(a_total_more)': series(0) })
  const mayBeAbsent = { a_total: 'nothing happened yet' }
  const checked = checkDashboard(url, { dashboard: dashboard('sum(a_total)', 'sum(a_total_more)'), mayBeAbsent })
  await expect(checked).rejects.toThrow(
    /^the dashboard has problems:\n {2}panel of sum\(a_total_more\) \(A\): gave no series\n.*$/,
  )
})

test('fails for a metric that may be absent and that no query names', async () => {
  const url = await prometheus({ up: series(1) })
  const checked = checkDashboard(url, { dashboard: dashboard('up'), mayBeAbsent: { gone_total: 'long ago' } })
  await expect(checked).rejects.toThrow(/gone_total may be absent, but no query of the dashboard names it/)
})
