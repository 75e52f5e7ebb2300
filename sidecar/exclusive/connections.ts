import { z } from 'zod'
import type { JetStreamAccess } from '../jetstream/access.ts'
import { subjectMatches } from '../wire/subject.ts'
import { inboxOf } from './inbox.ts'
import type { Consumer, Sighting } from './tenure.ts'

/** What nats-server tells every user of an account about the account's connections. */
const CONNECTIONS = '$SYS.REQ.ACCOUNT.PING.CONNZ'

const answerSchema = z.object({
  data: z.object({
    server_id: z.string(),
    connections: z.array(z.object({ cid: z.int(), subscriptions_list: z.array(z.string()).default([]) })),
  }),
})

/** Who listens at an inbox, with everything that its connection is subscribed to. */
export interface Listener extends Consumer {
  readonly inboxes: readonly string[]
}

/** Who is to be answered at `reply`; undefined when nobody is. */
export async function listenerAt(js: JetStreamAccess, reply: string): Promise<Listener | undefined> {
  const { server_id: server, connections } = await ask(js, { filter_subject: reply })
  for (const { cid, subscriptions_list: subscriptions } of connections) {
    // Somebody who watches every inbox is not who consumes.
    if (!subscriptions.some((subscription) => !subscription.endsWith('>') && subjectMatches(subscription, reply)))
      continue
    return { inbox: inboxOf(reply), connection: `${server}/${cid}`, inboxes: subscriptions.map(inboxOf) }
  }
  return undefined
}

/** Whether a consumer is still there, and where. */
export async function sight(js: JetStreamAccess, { inbox, connection }: Consumer): Promise<Sighting> {
  const [server, cid] = connection.split('/')
  // The inbox by itself, or with a number behind it.
  for (const subject of [inbox, `${inbox}.*`]) {
    const found = await ask(js, { filter_subject: subject })
    const [one] = found.connections.filter((c) => c.subscriptions_list.map(inboxOf).includes(inbox))
    if (one !== undefined) return { presence: 'listening', connection: `${found.server_id}/${one.cid}` }
  }
  const { server_id: now, connections } = await ask(js, { cid: Number(cid) })
  if (now !== server) return { presence: 'unknown' }
  return { presence: connections.length > 0 ? 'connected' : 'gone' }
}

async function ask(js: JetStreamAccess, question: object) {
  const body = JSON.stringify({ ...question, subscriptions: true })
  const answer = await js.connection.request(CONNECTIONS, body, { timeout: js.timeoutMs })
  return answerSchema.parse(answer.json()).data
}
