import { expect, it } from 'vitest'
import { readOutcome, summary } from './outcome.ts'

const file = (
  status: string,
  ...assertionResults: Array<{ fullName: string; status: string; failureMessages?: string[] }>
) => ({
  name: 'a.test.ts',
  status,
  message: 'cannot be loaded',
  assertionResults,
})
const json = (...testResults: unknown[]): string => JSON.stringify({ testResults })

it('counts what ran', () => {
  const outcome = readOutcome(
    'unit',
    1,
    json(
      file(
        'failed',
        { fullName: 'a', status: 'passed' },
        { fullName: 'b', status: 'failed' },
        { fullName: 'c', status: 'skipped' },
      ),
    ),
  )
  expect(outcome).toEqual({ passed: 1, failed: ['unit: b'], skipped: ['unit: c'] })
})

it('tells the beginning of what a failed test said', () => {
  const failureMessages = [`\u001B[31mexpected 1\nto be 2\u001B[39m${'.'.repeat(5000)}`]
  const { failed } = readOutcome('unit', 1, json(file('failed', { fullName: 'b', status: 'failed', failureMessages })))
  expect(failed).toHaveLength(1)
  expect(failed[0]).toMatch(/^unit: b\n {10}expected 1\n {10}to be 2\.+ …$/)
  expect(failed[0]?.length).toBeLessThan(1000)
})

it.each([
  ['a file that cannot be loaded', 1, json(file('failed'))],
  ['a runner that crashed', 139, undefined],
  ['an error outside of any test', 1, json(file('passed', { fullName: 'a', status: 'passed' }))],
])('takes %s for a failure', (_, code, text) => {
  expect(readOutcome('unit', code, text).failed).toHaveLength(1)
})

it('closes with the counts, and names what was skipped', () => {
  const { lines } = summary([
    { passed: 3, failed: [], skipped: ['cluster: needs root'] },
    { passed: 2, failed: ['x'], skipped: [] },
  ])
  expect(lines).toContain('skipped cluster: needs root')
  expect(lines.at(-1)).toBe('5 passed, 1 failed, 1 skipped')
})
