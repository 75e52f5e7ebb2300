import { expect, test } from 'vitest'
import { fileSystemOf } from './machine.ts'

const MOUNTS = `22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 22 0:25 / /tmp rw shared:3 - tmpfs tmpfs rw
31 22 0:26 / /data rw - xfs /dev/vdb rw
32 31 0:27 / /data rw - btrfs /dev/vdc rw
`

test.each([
  ['/', 'ext4'],
  ['/temporary', 'ext4'],
  ['/tmp', 'tmpfs'],
  ['/tmp/a/b', 'tmpfs'],
  ['/data/queue', 'btrfs'],
])('%s is on %s', (path, kind) => {
  expect(fileSystemOf(MOUNTS, path)).toBe(kind)
})
