import { expect, test } from 'vitest'
import { isOurShim } from './shims.ts'

const socket = '/run/pillion-cluster/containerd.sock'
const shim = (address: string) => `/usr/bin/containerd-shim-runc-v2\0-namespace\0k8s.io\0-id\0a\0-address\0${address}\0`

test('knows a shim of its own containerd from that of another', () => {
  expect(isOurShim(shim(socket), socket)).toBe(true)
  expect(isOurShim(shim('/run/containerd/containerd.sock'), socket)).toBe(false)
})

test('takes no other program that names the socket for a shim', () => {
  expect(isOurShim(`ctr\0-address\0${socket}\0`, socket)).toBe(false)
  expect(isOurShim('', socket)).toBe(false)
})
