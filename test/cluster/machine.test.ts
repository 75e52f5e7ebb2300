import { expect, test } from 'vitest'
import { parseMounts } from './machine.ts'

test('reads mount points and types, with optional fields and escaped characters', () => {
  const mountinfo = `22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 22 0:26 / /sys/fs/cgroup/cpu rw shared:9 master:1 - cgroup cgroup rw,cpu
31 22 0:27 / /mnt/a\\040b rw shared:9 - tmpfs tmpfs rw
`
  expect(parseMounts(mountinfo)).toEqual([
    { path: '/', type: 'ext4' },
    { path: '/sys/fs/cgroup/cpu', type: 'cgroup' },
    { path: '/mnt/a b', type: 'tmpfs' },
  ])
})
