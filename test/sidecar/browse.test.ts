import { headers as natsHeaders } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type BrowsePage, browsePageSchema } from '../../crds/protocol/browse.ts'
import { eventually, numbered, TestBroker } from './harness.ts'

let broker: TestBroker

beforeAll(async () => {
  broker = await TestBroker.start()
})
afterAll(() => broker?.[Symbol.asyncDispose]())

async function page(path: string): Promise<BrowsePage> {
  const answer = await broker.api.request('GET', `/queues/${path}`)
  if (answer.status !== 200) throw new Error(`${answer.status}: ${answer.text}`)
  return browsePageSchema.strict().parse(answer.json)
}

const bodies = ({ messages }: BrowsePage): string[] => messages.map(({ body }) => body)

describe('browsing', () => {
  it('goes through all messages page by page, and changes no delivery count', async () => {
    await broker.api.put('pages')
    await broker.publish('pages', ...numbered(250))
    const found: string[] = []
    let from: number | null = 1
    let pages = 0
    while (from !== null) {
      const next: BrowsePage = await page(`pages/messages?from=${from}&limit=100`)
      expect(next.total).toBe(250)
      found.push(...bodies(next))
      from = next.next
      pages++
    }
    expect([found, pages]).toEqual([numbered(250), 3])
    expect((await broker.admin.lane('pages')).delivered.stream_seq).toBe(0)
    expect((await (await broker.puller('pages')).one()).attempt).toBe(1)
  })

  it('shows headers, and bodies that are not text as base64, cut on request', async () => {
    await broker.api.put('shown')
    const js = await broker.js()
    const headers = natsHeaders()
    headers.append('a', '1')
    headers.append('a', '2')
    const before = Date.now() - 1000
    await js.publish('q.shown', new Uint8Array([0xff, 0, 1]), { headers, msgID: 'id-1' })
    await js.publish('q.shown', 'äöü')
    const [binary, text] = (await page('shown/messages?maxBytes=3')).messages
    expect(binary).toMatchObject({
      sequence: 1,
      subject: 'q.shown',
      headers: { a: ['1', '2'], 'Nats-Msg-Id': ['id-1'] },
      size: 3,
      body: '/wAB',
      encoding: 'base64',
      truncated: false,
    })
    expect(Date.parse(binary?.time ?? '')).toBeGreaterThan(before)
    expect(text).toMatchObject({ size: 6, body: 'ä', encoding: 'text', truncated: true })
  })

  it('leaves out what came to its end behind an open message', async () => {
    await broker.api.put('ended')
    await broker.publish('ended', 'open', 'done', 'new')
    const puller = await broker.puller('ended')
    const [, second] = await puller.take(2)
    await second?.settle()
    expect(bodies(await page('ended/messages'))).toEqual(['open', 'new'])
  })

  it('finds a key, and shows it without its partition', async () => {
    await broker.api.put('keys', { ordering: { mode: 'KeyedFifo' } })
    const js = await broker.js()
    for (const key of ['a', 'b', 'a']) await js.publish(`q.keys.${key}`, key)
    expect(
      (await page('keys/messages?subject=q.keys.a')).messages.map(({ sequence, subject }) => [sequence, subject]),
    ).toEqual([
      [1, 'q.keys.a'],
      [3, 'q.keys.a'],
    ])
  })

  it('shows dead letters by the subject of their originals', async () => {
    await broker.api.put('dead', { ordering: { mode: 'Priority' } })
    const js = await broker.js()
    for (const level of [1, 2]) await js.publish(`q.dead.${level}`, `level ${level}`)
    const puller = await broker.puller('dead')
    for (const message of await puller.take(2)) await message.settle('+TERM')
    await eventually(async () => expect((await page('dead/dead-letters')).total).toBe(2))
    const { messages } = await page('dead/dead-letters?subject=q.dead.1')
    expect(messages).toMatchObject([{ body: 'level 1', subject: 'q.dead.1' }])
    expect(messages[0]?.headers['Pillion-Dead-Letter-Reason']).toEqual(['rejected'])
  })

  it.each([
    ['limit=many', 'limit'],
    ['from=0', 'from'],
    ['what=1', 'what'],
  ])('refuses %s and names it', async (query, field) => {
    await broker.api.put('pages')
    const answer = await broker.api.request('GET', `/queues/pages/messages?${query}`)
    expect(answer).toMatchObject({ status: 400, json: { error: { code: 'InvalidParameter', field } } })
  })

  it('knows no messages of a Queue that is not there', async () => {
    expect((await broker.api.request('GET', '/queues/nowhere/dead-letters')).status).toBe(404)
  })
})
