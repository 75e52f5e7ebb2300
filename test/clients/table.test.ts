import { expect, test } from 'vitest'
import { conformanceTable, type Results, withTable } from './table.ts'

const passed = { check: 'fetch', ok: true, detail: '' }
const versions = { js: '1.0.0', go: '2.0.0', python: '3.0.0' }

test('the table says how many checks passed of those that were made', () => {
  const results: Results = new Map([
    ['Fifo js', [passed, passed]],
    ['Fifo go', [passed, { ...passed, ok: false }]],
  ])
  const [heading, , fifo] = conformanceTable(results, versions).split('\n')
  expect(heading).toContain('`nats.go/jetstream` 2.0.0')
  expect(fifo).toBe('| `Fifo` | 2/2 | 1/2 | 0/0 |')
})

test('the table takes the place of the one before, and nothing else', () => {
  const text = withTable('before\n<!-- npm run conformance -- --table -->\n\nold\n\n<!-- end -->\nafter\n', '| new |\n')
  expect(text).toBe('before\n<!-- npm run conformance -- --table -->\n\n| new |\n\n<!-- end -->\nafter\n')
  expect(withTable(text, '| new |\n')).toBe(text)
  expect(() => withTable('no place', '')).toThrow(/has no/)
})
