import { describe, expect, it } from 'vitest'
import { ScriptedTransport } from '../test/operator/harness/scripted-transport.ts'
import type { QueueObservation } from '../crds/protocol/api.ts'
import { parseQueueSpec } from '../crds/index.ts'
import { KubeClient } from './kube/client.ts'
import { SidecarError, SidecarUnreachableError, sidecars, throughApiServer, type Way } from './sidecar-client.ts'

const at = { namespace: 'shop', broker: 'main', token: 'secret' }
const observation: QueueObservation = {
  name: 'orders',
  generation: 3,
  configured: true,
  subject: 'q.orders',
  messages: { ready: 1, inFlight: 2, delayed: 0, deadLettered: 4 },
  corrected: [],
}
const parsed = parseQueueSpec({})
const spec = parsed.ok ? parsed.value : undefined

const answering = (status: number, body: unknown) => {
  const asked: unknown[] = []
  const way: Way = async (_at, call) => {
    asked.push(call)
    return { status, text: typeof body === 'string' ? body : JSON.stringify(body) }
  }
  return { asked, client: sidecars(way) }
}
const refusal = (code: string) => ({
  error: { code, message: 'no', field: 'spec.type', messages: observation.messages },
})

describe('the client of the sidecars', () => {
  it('sends the spec with its generation, and gives back what is observed', async () => {
    const { asked, client } = answering(200, observation)
    expect(await client.put(at, 'orders', 3, spec!)).toEqual(observation)
    expect(asked).toEqual([{ method: 'PUT', path: '/queues/orders', body: JSON.stringify({ generation: 3, spec }) }])
  })

  it('takes a Queue that is not known as an answer where it is one', async () => {
    const { client } = answering(404, refusal('QueueNotFound'))
    expect(await client.get(at, 'orders')).toBeUndefined()
    expect(await client.remove(at, 'orders', 'Delete')).toBe(false)
  })

  it('names the policy of a removal', async () => {
    const { asked, client } = answering(200, { deleted: true })
    expect(await client.remove(at, 'orders', 'Retain')).toBe(true)
    expect(asked).toEqual([{ method: 'DELETE', path: '/queues/orders', query: { policy: 'Retain' } }])
  })

  it('tells of other brokers, and takes a sidecar that has no such route for one that is older', async () => {
    const peers = { self: 'main', brokers: [] }
    const { asked, client } = answering(200, { digest: 'd' })
    expect(await client.peers(at)).toEqual({ digest: 'd' })
    expect(await client.tellPeers(at, peers)).toEqual({ digest: 'd' })
    expect(asked).toEqual([
      { method: 'GET', path: '/peers' },
      { method: 'PUT', path: '/peers', body: JSON.stringify(peers) },
    ])
    const older = answering(404, { error: { code: 'QueueNotFound', message: 'nothing is at /peers' } })
    expect(await older.client.peers(at)).toBeUndefined()
  })

  it('throws what the sidecar says, with its code, field and counts', async () => {
    const { client } = answering(409, refusal('QueueNotEmpty'))
    const error: unknown = await client.remove(at, 'orders', 'KeepNonEmpty').catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(SidecarError)
    expect(error).toMatchObject({
      code: 'QueueNotEmpty',
      field: 'spec.type',
      detail: 'no',
      messages: observation.messages,
    })
  })

  it.each([
    ['a proxy in between', 502, '<html>Bad Gateway</html>'],
    ['the API server', 503, { kind: 'Status', reason: 'ServiceUnavailable', message: 'no endpoints available' }],
    ['a sidecar of another version', 200, { name: 'orders' }],
  ])('takes the answer of %s for none', async (_who, status, body) => {
    const { client } = answering(status, body)
    await expect(client.get(at, 'orders')).rejects.toBeInstanceOf(SidecarUnreachableError)
  })

  it('goes through the API server with the token where its proxy leaves it alone', async () => {
    const transport = new ScriptedTransport(() => ({ status: 200, body: { deleted: true } }))
    const client = sidecars(throughApiServer(new KubeClient({ transport })))
    await client.remove(at, 'orders', 'Delete')
    expect(transport.asked).toEqual([
      'DELETE /api/v1/namespaces/shop/services/main:http/proxy/queues/orders?policy=Delete',
    ])
    expect(transport.requests[0]?.headers).toMatchObject({ 'Pillion-Authorization': 'Bearer secret' })
    expect(transport.requests[0]?.headers).not.toHaveProperty('authorization')
  })

  it('is told when the API server is not there', async () => {
    const client = sidecars(throughApiServer(new KubeClient({ transport: new ScriptedTransport(() => 'refused') })))
    await expect(client.get(at, 'orders')).rejects.toThrow("the API server's proxy does not answer")
  })
})
