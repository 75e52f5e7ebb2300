import { JetStreamApiError } from '@nats-io/jetstream'
import { errors } from '@nats-io/transport-node'
import { expect, it } from 'vitest'
import { apiFailure } from './api-failure.ts'

const api = (code: number, err_code: number, description: string): JetStreamApiError =>
  new JetStreamApiError({ code, err_code, description })

it.each([
  ['a request that got no answer', new errors.TimeoutError(), 'BrokerNotReady'],
  ['what nats-server cannot do now', api(503, 10008, 'JetStream system temporarily unavailable'), 'BrokerNotReady'],
  ['a stream that would not fit', api(503, 10047, 'insufficient storage resources available'), 'InvalidSpec'],
  ['a stream that cannot be', api(500, 10052, 'discard new per subject requires discard new policy'), 'InvalidSpec'],
])('%s', (_, error, code) => {
  expect(apiFailure(error)).toMatchObject({ name: 'SidecarError', code })
})

it('leaves what it does not know as it is', () => {
  const error = api(404, 10059, 'stream not found')
  expect(apiFailure(error)).toBe(error)
})
