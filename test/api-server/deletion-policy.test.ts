import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { API_VERSION } from '../../crds/index.ts'
import type { Manifest } from './manifest.ts'
import { causesOf, useApiServer } from './server.ts'

const server = useApiServer({ controllers: ['namespace-controller'] })
const policy = join(import.meta.dirname, '../../crds/generated/deletion-policy.yaml')

type Messages = { ready: number; inFlight: number; delayed: number; deadLettered: number }
const none: Messages = { ready: 0, inFlight: 0, delayed: 0, deadLettered: 0 }

const queue = (name: string, deletionPolicy: string, namespace = 'default'): Manifest => ({
  apiVersion: API_VERSION,
  kind: 'Queue',
  metadata: { name, namespace },
  spec: { deletionPolicy },
})

async function createHolding(name: string, deletionPolicy: string, messages: Partial<Messages>): Promise<void> {
  expect(await server().create(queue(name, deletionPolicy))).toMatchObject({ status: 201 })
  await setMessages(name, deletionPolicy, messages)
}

async function setMessages(name: string, deletionPolicy: string, messages: Partial<Messages>): Promise<void> {
  const status = { messages: { ...none, ...messages } }
  expect(await server().replace({ ...queue(name, deletionPolicy), status }, '/status')).toMatchObject({ status: 200 })
}

const advice =
  'let consumers drain it first, or set spec.deletionPolicy: Delete to delete the messages with it, or Retain to keep them for a Queue of the same name'
const refusal = (name: string, held: string) => ({
  status: 403,
  body: {
    message: `queues.pillion.dev "${name}" is forbidden: ValidatingAdmissionPolicy 'pillion-keep-non-empty-queues' with binding 'pillion-keep-non-empty-queues' denied request: queue ${name} still holds ${held}; ${advice}`,
  },
})

beforeAll(async () => {
  await server().kubectl('apply', '--server-side', '--filename', policy)
  await createHolding('probe', 'KeepNonEmpty', { ready: 1 })
  // A policy is in force some time after it is stored, which the API server does not tell.
  for (let left = 300; ; left -= 1) {
    const { status } = await server().delete('Queue', 'probe', { dryRun: true })
    if (status === 403) break
    if (left === 0) throw new Error('the policy did not come into force within 30 s')
    await sleep(100)
  }
}, 60_000)

describe('KeepNonEmpty', () => {
  test.each([
    ['ready', { ready: 7 }, '7 messages (7 ready, 0 in flight, 0 delayed)'],
    ['in-flight', { inFlight: 1 }, '1 message (0 ready, 1 in flight, 0 delayed)'],
    ['delayed', { delayed: 2 }, '2 messages (0 ready, 0 in flight, 2 delayed)'],
    ['all', { ready: 4, inFlight: 2, delayed: 1, deadLettered: 9 }, '7 messages (4 ready, 2 in flight, 1 delayed)'],
  ])('refuses to delete a Queue that holds messages: %s', async (name, messages, held) => {
    await createHolding(name, 'KeepNonEmpty', messages)
    expect(await server().delete('Queue', name)).toMatchObject(refusal(name, held))
    expect(await server().stored('Queue', name)).toMatchObject({ metadata: { name } })
  })

  test('lets a drained Queue go, though dead letters are left', async () => {
    await createHolding('drained', 'KeepNonEmpty', { ready: 3, deadLettered: 5 })
    expect(await server().delete('Queue', 'drained')).toMatchObject({ status: 403 })
    await setMessages('drained', 'KeepNonEmpty', { deadLettered: 5 })
    expect(await server().delete('Queue', 'drained')).toMatchObject({ status: 200 })
  })

  test('lets a Queue go that nobody has looked at yet', async () => {
    expect(await server().create(queue('unseen', 'KeepNonEmpty'))).toMatchObject({ status: 201 })
    expect(await server().delete('Queue', 'unseen')).toMatchObject({ status: 200 })
  })

  test('lets a Queue go once its policy is changed to Delete, as the message says', async () => {
    await createHolding('changed', 'KeepNonEmpty', { ready: 3 })
    expect(await server().delete('Queue', 'changed')).toMatchObject({ status: 403 })
    expect(causesOf(await server().replace(queue('changed', 'Delete')))).toEqual([])
    expect(await server().delete('Queue', 'changed')).toMatchObject({ status: 200 })
  })

  test('refuses it in a deletion of all Queues too', async () => {
    await createHolding('one-of-all', 'KeepNonEmpty', { ready: 3 })
    const answer = await server().send('DELETE', `/apis/${API_VERSION}/namespaces/default/queues?dryRun=All`)
    expect(answer).toMatchObject({ status: 403, body: { message: expect.stringContaining('still holds') } })
  })

  test('reads well to the person who runs kubectl delete', async () => {
    await createHolding('person', 'KeepNonEmpty', { ready: 1 })
    await expect(server().kubectl('delete', 'queues.pillion.dev', 'person')).rejects.toThrow(
      `queue person still holds 1 message (1 ready, 0 in flight, 0 delayed); ${advice}`,
    )
  })
})

test.each(['Delete', 'Retain'])('%s lets a Queue go that holds messages', async (deletionPolicy) => {
  const name = deletionPolicy.toLowerCase()
  await createHolding(name, deletionPolicy, { ready: 3 })
  expect(await server().delete('Queue', name)).toMatchObject({ status: 200 })
})

describe('a namespace that is being deleted', () => {
  beforeEach(async () => {
    await server().kubectl('create', 'namespace', 'going')
  })

  test('goes, with a Queue that holds messages', async () => {
    const path = `/apis/${API_VERSION}/namespaces/going/queues`
    const manifest = queue('orders', 'KeepNonEmpty', 'going')
    expect(await server().send('POST', path, manifest)).toMatchObject({ status: 201 })
    const { body } = await server().send('GET', `${path}/orders`)
    const withStatus = { ...body, status: { messages: { ...none, ready: 3 } } }
    expect(await server().send('PUT', `${path}/orders/status`, withStatus)).toMatchObject({ status: 200 })
    expect(await server().send('DELETE', `${path}/orders`)).toMatchObject({ status: 403 })
    await server().kubectl('delete', 'namespace', 'going', '--wait=true', '--timeout=60s')
    expect(await server().send('GET', '/api/v1/namespaces/going')).toMatchObject({ status: 404 })
  }, 90_000)
})
