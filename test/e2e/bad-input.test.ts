import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jetstream, JetStreamApiError } from '@nats-io/jetstream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { nodeName } from '../cluster/settings.ts'
import { addressOf, connectTo, credentialsOf } from './harness/broker.ts'
import { kubectl, refusal } from './harness/kubectl.ts'
import { queue, queueBroker } from './harness/manifests.ts'
import { bodies, publish, take } from './harness/messages.ts'
import { useNamespace } from './harness/namespace.ts'
import type { StoredPod } from './harness/objects.ts'
import { tell, until } from './harness/until.ts'

// What people get wrong: a clear word, and nothing lost. Invalid manifests are tried in test/api-server, by the dozen.

const QUEUES = 'queues.pillion.dev'
const namespace = useNamespace('bad-input')

test('a name that is no DNS label is refused, with what to do', async () => {
  const said = await refusal(namespace.apply(queue('Orders_1')).then(() => ''))
  expect(said).toMatch(/Orders_1/)
  expect(said).toMatch(/lower case|lowercase|DNS/i)
})

describe('a volume that cannot be bound', () => {
  const storageClassName = 'e2e-not-there'
  const missing = { broker: { storage: { size: '512Mi', storageClassName } } }
  let folder: string | undefined
  afterAll(async () => {
    await namespace.kubectl('delete', QUEUES, 'unbound', '--ignore-not-found', '--timeout=120s')
    await kubectl(['delete', 'persistentvolume', 'e2e-by-hand', '--ignore-not-found', '--wait=false'])
    if (folder !== undefined) await rm(folder, { recursive: true, force: true })
  })

  test('is told in a condition, and the Queue can be deleted', async () => {
    await namespace.apply(queue('never', missing))
    await saysWhy('never')
    await namespace.kubectl('delete', QUEUES, 'never', '--timeout=120s')
    await namespace.gone('queuebrokers.pillion.dev', 'never')
    expect(await namespace.find(QUEUES, 'never')).toBeUndefined()
  })

  test('heals when somebody brings a volume', async () => {
    await namespace.apply(queue('unbound', missing))
    await saysWhy('unbound')
    folder = await mkdtemp(join(tmpdir(), 'pillion-e2e-volume-'))
    await chmod(folder, 0o755)
    await namespace.apply(localVolume('e2e-by-hand', folder))
    const { status } = await namespace.queueReady('unbound')
    expect(status?.broker).toBe('unbound')
  })

  const localVolume = (name: string, path: string) => ({
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name },
    spec: {
      capacity: { storage: '512Mi' },
      accessModes: ['ReadWriteOnce'],
      storageClassName,
      claimRef: { namespace: namespace.name, name: 'data-unbound-0' },
      local: { path },
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [
            { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [nodeName] }] },
          ],
        },
      },
    },
  })

  async function saysWhy(name: string): Promise<void> {
    for (const type of ['BrokerReady', 'Ready']) {
      const wanted = { type, status: 'False', reason: 'VolumeNotBound' }
      const said = await until('the reason in words', async () => {
        const message = await namespace.conditionSays(QUEUES, name, wanted)
        return message.includes('not found') && message
      })
      tell(`${type}: ${said}`)
      expect(said).toMatch(/volume data-\S+ is not bound: storageclass\S* "e2e-not-there" not found/)
    }
  }
})

describe('messages that cannot be taken', () => {
  beforeAll(async () => {
    const retention = { maxBytes: '8Mi', maxMessages: 10, maxMessageSize: '1Ki' }
    const onShop = { brokerRef: { name: 'shop' }, retry: { visibilityTimeout: '2s' } }
    await namespace.apply(queueBroker('shop'), queue('small', { ...onShop, retention }))
    await namespace.queueReady('small')
  })

  test('a publish to a full Queue is refused, and works again when there is room', async () => {
    await publish(namespace, 'small', bodies('kept', 10), 'shop')
    expect(await publishError('one too many')).toMatchObject({ message: 'maximum messages exceeded' })
    expect(await take(namespace, 'small', 2, { broker: 'shop' })).toEqual(['kept 1', 'kept 2'])
    await until('room for one more', () => publish(namespace, 'small', ['kept 11'], 'shop').then(() => true))
    expect(await take(namespace, 'small', 9, { broker: 'shop' })).toEqual([...bodies('kept', 10).slice(2), 'kept 11'])
  })

  test('a message that is too big is refused, and the others are not touched', async () => {
    await publish(namespace, 'small', bodies('fits', 2), 'shop')
    expect(await publishError('x'.repeat(2000))).toMatchObject({ code: 10054 })
    expect(await take(namespace, 'small', 2, { broker: 'shop' })).toEqual(bodies('fits', 2))
  })

  test('malformed pulls and acknowledgements are answered, and no message is lost', async () => {
    await publish(namespace, 'small', bodies('steady', 3), 'shop')
    const connection = await connectTo(namespace, 'shop')
    try {
      const answer = await connection.request('$JS.API.CONSUMER.MSG.NEXT.small.workers', '{"batch": "many"')
      expect(answer.headers?.code).toBe(400)
      const { reply = '' } = await connection.request('$JS.API.CONSUMER.MSG.NEXT.small.workers', '1', {
        timeout: 5000,
        noMux: true,
      })
      const refused = await connection.request(reply, '-NAK {"delay": "soon"}')
      tell(`a malformed NAK is answered: ${refused.string()}`)
      expect(refused.string()).toMatch(/^-ERR/)
    } finally {
      await connection.close()
    }
    const all = await until('all three', async () => {
      const taken = await take(namespace, 'small', 3, { broker: 'shop', expires: 4000 })
      return taken.length > 0 && taken
    })
    const rest = all.length < 3 ? await take(namespace, 'small', 3, { broker: 'shop', expires: 4000 }) : []
    expect([...all, ...rest].toSorted()).toEqual(bodies('steady', 3))
  })

  test('a client cannot empty a Queue', async () => {
    await publish(namespace, 'small', bodies('safe', 2), 'shop')
    const connection = await connectTo(namespace, 'shop')
    try {
      for (const prefix of ['$JS.API', 'PILLION.JS.API', 'PILLION']) {
        await expect(connection.request(`${prefix}.STREAM.PURGE.small`)).rejects.toThrow(/timeout|permission/i)
      }
    } finally {
      await connection.close()
    }
    expect(await take(namespace, 'small', 2, { broker: 'shop' })).toEqual(bodies('safe', 2))
  })

  async function publishError(body: string): Promise<unknown> {
    const connection = await connectTo(namespace, 'shop')
    try {
      await jetstream(connection).publish('q.small', body)
      return 'it was taken'
    } catch (error) {
      return error instanceof JetStreamApiError ? { code: error.code, message: error.message } : error
    } finally {
      await connection.close()
    }
  }
})

describe('credentials', () => {
  test('a sidecar is asked with a wrong token: 401, in words', async () => {
    const { http } = await addressOf(namespace, 'shop')
    for (const headers of [{}, { authorization: 'Bearer wrong' }]) {
      const response = await fetch(`${http}/queues/small?policy=Delete`, { method: 'DELETE', headers })
      expect(response.status).toBe(401)
      expect(await response.json()).toMatchObject({
        error: { code: 'Unauthorized', message: expect.stringMatching(/token/) },
      })
    }
    await namespace.queueReady('small')
  })

  test('the token in the Secret is overwritten: the pod takes the new one, and messages stay', async () => {
    const before = await namespace.readyBrokerPod('shop')
    const { token: old } = await credentialsOf(namespace, 'shop', 'sidecar')
    await publish(namespace, 'small', bodies('token', 2), 'shop')
    await namespace.patch('secret', 'shop-sidecar', { stringData: { token: 'another-token-of-24-bytes' } })
    await healed(before)
    expect(await status(old ?? '')).toBe(401)
    expect(await status('another-token-of-24-bytes')).toBe(200)
    expect(await take(namespace, 'small', 2, { broker: 'shop' })).toEqual(bodies('token', 2))
  })

  test("the sidecar's Secret is deleted: made anew, and messages stay", async () => {
    const before = await namespace.readyBrokerPod('shop')
    await publish(namespace, 'small', bodies('secret', 2), 'shop')
    await namespace.kubectl('delete', 'secret', 'shop-sidecar')
    await healed(before)
    expect(await status((await credentialsOf(namespace, 'shop', 'sidecar')).token ?? '')).toBe(200)
    expect(await take(namespace, 'small', 2, { broker: 'shop' })).toEqual(bodies('secret', 2))
  })

  test("the client's password is changed: the new one is taken", async () => {
    const before = await namespace.readyBrokerPod('shop')
    await namespace.patch('secret', 'shop-client', { stringData: { password: 'chosen-by-hand' } })
    await healed(before)
    await publish(namespace, 'small', bodies('password', 1), 'shop')
    expect(await take(namespace, 'small', 1, { broker: 'shop' })).toEqual(bodies('password', 1))
  })

  async function healed(before: StoredPod): Promise<void> {
    await namespace.readyBrokerPod('shop', before)
    await until('the sidecar to know the Queue', async () => {
      const { token = '' } = await credentialsOf(namespace, 'shop', 'sidecar')
      return (await status(token)) === 200
    })
    await namespace.queueReady('small')
  }

  async function status(token: string): Promise<number> {
    const { http } = await addressOf(namespace, 'shop')
    return (await fetch(`${http}/queues/small`, { headers: { authorization: `Bearer ${token}` } })).status
  }
})
