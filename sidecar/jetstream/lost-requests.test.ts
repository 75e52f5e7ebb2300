import { errors } from '@nats-io/transport-node'
import { expect, test } from 'vitest'
import { failLostRequests, type Requests } from './lost-requests.ts'

interface Asked {
  readonly connection: Requests<string>
  /** Answers the request that was asked last. */
  readonly answer: () => void
  readonly count: () => number
}

/** A connection that only takes requests. */
function asked(): Asked {
  let answer = (): void => undefined
  let count = 0
  const request = (): Promise<string> => {
    count++
    return new Promise((done) => {
      answer = () => done('an answer')
    })
  }
  return { connection: { request }, answer: () => answer(), count: () => count }
}

test('a request that is answered is not touched', async () => {
  const { connection, answer } = asked()
  const requests = failLostRequests(connection)
  const first = connection.request('a')
  answer()
  await expect(first).resolves.toBe('an answer')
  requests.lost()
})

test('one that waits when the connection is lost fails, and one that is asked then is not asked at all', async () => {
  const { connection, answer, count } = asked()
  const requests = failLostRequests(connection)
  const waiting = connection.request('a')
  requests.lost()
  await expect(waiting).rejects.toThrow(errors.RequestError)
  await expect(connection.request('b')).rejects.toThrow('nats-server is not reached')
  expect(count()).toBe(1)
  requests.found()
  const after = connection.request('c')
  answer()
  await expect(after).resolves.toBe('an answer')
})
