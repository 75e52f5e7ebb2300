import { expect, test } from 'vitest'
import { linkerFlags, requiredVersion } from './binaries.ts'

const goMod = `module example

require k8s.io/kubernetes v1.36.3

require (
	github.com/coredns/coredns v1.15.0
	github.com/coredns/caddy v1.1.4 // indirect
)

replace k8s.io/api => k8s.io/api v0.36.3
`

test('reads the version that a go.mod requires, in a block or on a line of its own', () => {
  expect(requiredVersion(goMod, 'k8s.io/kubernetes')).toBe('v1.36.3')
  expect(requiredVersion(goMod, 'github.com/coredns/coredns')).toBe('v1.15.0')
})

test('takes no other module for the one asked', () => {
  expect(requiredVersion(goMod, 'github.com/coredns')).toBeUndefined()
  expect(requiredVersion(goMod, 'k8s.io/api')).toBeUndefined()
})

test('stamps Kubernetes with its version, and nothing else', () => {
  expect(linkerFlags('k8s.io/kubernetes', 'v1.36.3')).toBe(
    '-s -w -X k8s.io/component-base/version.gitVersion=v1.36.3 -X k8s.io/component-base/version.gitMajor=1 ' +
      '-X k8s.io/component-base/version.gitMinor=36 -X k8s.io/component-base/version.gitTreeState=clean',
  )
  expect(linkerFlags('helm.sh/helm/v4', 'v4.3.1')).toBe('-s -w')
})
