import { expect, test } from 'vitest'
import { isOurs } from './mounts.ts'

test.each([
  ['/var/lib/pillion-cluster', true],
  ['/var/lib/pillion-cluster/kubelet/pods/a', true],
  ['/run/pillion-cluster/containerd/x', true],
  ['/var/lib/pillion-cluster-of-another', false],
  ['/var/lib', false],
  ['/', false],
])('%s belongs to the cluster: %s', (path, expected) => {
  expect(isOurs(path)).toBe(expected)
})
