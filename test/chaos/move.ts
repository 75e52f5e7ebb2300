import { setTimeout as delay } from 'node:timers/promises'
import { isFinished, operationSchema } from '../../crds/protocol/operation.ts'
import type { Answer } from '../sidecar/harness/api.ts'
import type { Scene } from './clients.ts'
import type { ChaosQueue } from './queues.ts'

/** Before the broker is asked again, which may be away. Milliseconds. */
const AGAIN_MS = 100
/** Messages of one move. */
const COUNT = 30

/** Moves messages that wait to be delivered, as somebody has to: the Queue is paused meanwhile. */
export async function moveMessages({ broker, story }: Scene, { name, spec }: ChaosQueue, to: string): Promise<void> {
  const { api } = broker
  const id = `move-${Date.now()}`
  const declare = (paused: boolean): Promise<Answer> => api.tryPut(name, { ...spec, paused })
  await answered(() => declare(true))
  story.happened(`paused ${name}`)
  const body = { id, kind: 'move', from: 'messages', to, select: { count: COUNT } }
  await answered(() => api.request('POST', `/queues/${name}/operations`, { body: JSON.stringify(body) }))
  for (;;) {
    const { status, json } = await answered(() => api.request('GET', `/queues/${name}/operations/${id}`))
    // Refused while another one is under way.
    const operation = status === 404 ? undefined : operationSchema.parse(json)
    if (operation === undefined || isFinished(operation)) {
      story.happened(`${id} ${operation?.state ?? 'refused'} ${operation?.done ?? 0} ${operation?.message ?? ''}`)
      break
    }
    await delay(AGAIN_MS)
  }
  await answered(() => declare(false))
  story.happened(`resumed ${name}`)
}

/** Asks until somebody is there who takes up what was asked. */
async function answered(ask: () => Promise<Answer>): Promise<Answer> {
  for (;;) {
    const answer = await ask().catch(() => undefined)
    if (answer !== undefined && answer.status < 500) return answer
    await delay(AGAIN_MS)
  }
}
