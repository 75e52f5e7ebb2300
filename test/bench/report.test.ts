import { expect, test } from 'vitest'
import { repeats } from './report.ts'

test.each([
  [[], 'npm run bench'],
  [['--quick', '--out', 'here/results.json'], 'npm run bench -- --quick'],
  [
    ['publish', '--folder=/mnt/disk', '--peers', 'redis', '--svg', 'charts', '--json', '--runs', '3'],
    'npm run bench -- publish --peers redis --runs 3',
  ],
])('%j is repeated by %s, which names no folder', (args, command) => {
  expect(repeats(args)).toBe(command)
})
