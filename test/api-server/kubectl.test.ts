import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { z } from 'zod'
import { API_VERSION } from '../../crds/index.ts'
import type { Manifest } from './manifest.ts'
import { useApiServer } from './server.ts'

const server = useApiServer()

const queue = (name: string, spec: object = {}): Manifest => ({
  apiVersion: API_VERSION,
  kind: 'Queue',
  metadata: { name },
  spec,
})
const ready = {
  type: 'Ready',
  status: 'True',
  reason: 'AsDeclared',
  message: '',
  lastTransitionTime: '2026-01-02T03:04:05Z',
}

/** Lines of a table of kubectl, each as its cells. */
function tableOf(output: string): string[][] {
  return output
    .trimEnd()
    .split('\n')
    .map((line) => line.split(/ {2,}/).map((cell) => cell.trim()))
}

describe('what kubectl get shows', () => {
  beforeAll(async () => {
    await server().create(queue('orders', { brokerRef: { name: 'shop' } }))
    await server().create(queue('emails', { brokerRef: { name: 'office' } }))
    await server().create(queue('alone'))
    await server().create({ apiVersion: API_VERSION, kind: 'QueueBroker', metadata: { name: 'shop' } })
    const status = {
      conditions: [ready],
      broker: 'shop',
      messages: { ready: 7, inFlight: 2, delayed: 1, deadLettered: 3 },
    }
    expect(await server().replace({ ...queue('orders'), status }, '/status')).toMatchObject({ status: 200 })
  })

  test('of Queues, by short name', async () => {
    const [header, row] = tableOf(await server().kubectl('get', 'pq', 'orders'))
    expect(header).toEqual(['NAME', 'READY', 'MODE', 'BROKER', 'READY MESSAGES', 'IN FLIGHT', 'DEAD LETTERS', 'AGE'])
    expect(row?.slice(0, -1)).toEqual(['orders', 'True', 'Fifo', 'shop', '7', '2', '3'])
  })

  test('of QueueBrokers, by short name', async () => {
    const [header, row] = tableOf(await server().kubectl('get', 'pqb', 'shop'))
    expect(header).toEqual(['NAME', 'READY', 'REPLICAS', 'DURABILITY', 'STORAGE', 'AGE'])
    // Ready is empty: no operator has looked at it.
    expect(row?.slice(0, -1)).toEqual(['shop', '1', 'Always', '10Gi'])
  })

  test('of the category', async () => {
    const names = await server().kubectl('get', 'pillion', '--output', 'name')
    expect(names.trim().split('\n').toSorted()).toEqual([
      'queue.pillion.dev/alone',
      'queue.pillion.dev/emails',
      'queue.pillion.dev/orders',
      'queuebroker.pillion.dev/shop',
    ])
  })

  test('selected by broker', async () => {
    const selected = ['get', 'queues.pillion.dev', '--field-selector', 'spec.brokerRef.name=shop', '--output', 'name']
    expect(await server().kubectl(...selected)).toBe('queue.pillion.dev/orders\n')
  })

  test('of a status that was written: spec is untouched and status is not part of spec', async () => {
    const stored = await server().stored('Queue', 'orders')
    expect(stored).toMatchObject({ spec: { brokerRef: { name: 'shop' } }, status: { broker: 'shop' } })
    await server().replace({ ...queue('orders', { brokerRef: { name: 'shop' } }), status: { broker: 'other' } })
    expect(await server().stored('Queue', 'orders')).toMatchObject({ status: { broker: 'shop' } })
  })
})

describe('server-side apply by several managers', () => {
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pillion-apply-'))
  })
  afterAll(async () => {
    await rm(folder, { recursive: true, force: true })
  })

  async function apply(manager: string, manifest: object, ...options: string[]): Promise<string> {
    const file = join(folder, `${manager}.yaml`)
    await writeFile(file, stringify(manifest))
    return server().kubectl('apply', '--server-side', '--field-manager', manager, '--filename', file, ...options)
  }

  const base = { apiVersion: API_VERSION, kind: 'Queue', metadata: { name: 'applied' } }
  const conditionsSchema = z.object({ status: z.object({ conditions: z.array(z.object({ type: z.string() })) }) })

  test('each owns its fields', async () => {
    await apply('team', { ...base, spec: { retry: { maxAttempts: 7 } } })
    await apply('platform', { ...base, spec: { retention: { maxAge: '24h' } } })
    expect(await server().stored('Queue', 'applied')).toMatchObject({
      spec: { retry: { maxAttempts: 7, visibilityTimeout: '30s' }, retention: { maxAge: '24h' } },
    })
    await expect(apply('platform', { ...base, spec: { retry: { maxAttempts: 9 } } })).rejects.toThrow(
      /conflict with "team"/,
    )
  })

  test('conditions are keyed by type, so each keeps its own', async () => {
    const one = { ...ready, type: 'BrokerReady' }
    await apply('operator', { ...base, status: { conditions: [ready] } }, '--subresource=status')
    await apply('other', { ...base, status: { conditions: [one] } }, '--subresource=status')
    const both = conditionsSchema.parse(await server().stored('Queue', 'applied'))
    expect(both.status.conditions.map(({ type }) => type).toSorted()).toEqual(['BrokerReady', 'Ready'])
    await apply('other', { ...base, status: { conditions: [] } }, '--subresource=status')
    const left = conditionsSchema.parse(await server().stored('Queue', 'applied'))
    expect(left.status.conditions.map(({ type }) => type)).toEqual(['Ready'])
  })

  test('consumer groups are keyed by name, so a second manager adds one rather than replacing all', async () => {
    await apply('team', { ...base, spec: { consumerGroups: [{ name: 'workers' }] } })
    await apply('platform', { ...base, spec: { consumerGroups: [{ name: 'audit' }] } })
    expect(await server().stored('Queue', 'applied')).toMatchObject({
      spec: { consumerGroups: [{ name: 'workers' }, { name: 'audit' }] },
    })
  })
})
