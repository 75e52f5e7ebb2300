import { expect, test } from 'vitest'
import { type Claim, plan, provisioner, type Volume } from './plan.ts'

const claim = (spec: Partial<Claim['spec']> = {}, phase = 'Pending'): Claim => ({
  metadata: { name: 'data', namespace: 'shop', uid: 'u1' },
  spec: {
    storageClassName: 'standard',
    accessModes: ['ReadWriteOnce'],
    resources: { requests: { storage: '1Gi' } },
    ...spec,
  },
  status: { phase },
})

const volume = (
  storage: string,
  phase = 'Bound',
  annotations = { 'pv.kubernetes.io/provisioned-by': provisioner },
): Volume => ({
  metadata: { name: 'pvc-u1', annotations },
  spec: { capacity: { storage }, persistentVolumeReclaimPolicy: 'Delete', local: { path: '/v/pvc-u1' } },
  status: { phase },
})

const kinds = (claims: Claim[], volumes: Volume[]) => plan(claims, volumes).map(({ kind }) => kind)

test('a claim of the class gets a volume, once', () => {
  expect(kinds([claim()], [])).toEqual(['create'])
  expect(kinds([claim()], [volume('1Gi', 'Available')])).toEqual([])
})

test('a claim of another class, for a certain volume, for a raw device or on its way out gets none', () => {
  expect(kinds([claim({ storageClassName: 'fast' })], [])).toEqual([])
  expect(kinds([claim({ volumeName: 'other' })], [])).toEqual([])
  expect(kinds([claim({ volumeMode: 'Block' })], [])).toEqual([])
  const { metadata, ...rest } = claim()
  expect(kinds([{ ...rest, metadata: { ...metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } }], [])).toEqual([])
})

test('a volume grows to what its claim asks for, and never shrinks', () => {
  const bound = (storage: string) => claim({ volumeName: 'pvc-u1', resources: { requests: { storage } } }, 'Bound')
  expect(plan([bound('2Gi')], [volume('1Gi')])).toMatchObject([{ kind: 'grow', size: '2Gi' }])
  expect(kinds([bound('1024Mi')], [volume('1Gi')])).toEqual([])
  expect(kinds([bound('512Mi')], [volume('1Gi')])).toEqual([])
})

test('a released volume is removed if it is to be and is ours', () => {
  expect(kinds([], [volume('1Gi', 'Released')])).toEqual(['remove'])
  expect(kinds([], [volume('1Gi', 'Bound')])).toEqual([])
  expect(kinds([], [volume('1Gi', 'Released', { 'pv.kubernetes.io/provisioned-by': 'another' })])).toEqual([])
  const kept = volume('1Gi', 'Released')
  expect(kinds([], [{ ...kept, spec: { ...kept.spec, persistentVolumeReclaimPolicy: 'Retain' } }])).toEqual([])
})
