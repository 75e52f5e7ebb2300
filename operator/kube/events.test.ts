import { describe, expect, it } from 'vitest'
import { FakeClock } from '../../test/operator/harness/fake-clock.ts'
import { ScriptedTransport } from '../../test/operator/harness/scripted-transport.ts'
import { KubeClient } from './client.ts'
import { EventRecorder, type Happening } from './events.ts'

const queue = {
  apiVersion: 'pillion.dev/v1alpha1',
  kind: 'Queue',
  metadata: { name: 'orders', namespace: 'shop', uid: 'u1', resourceVersion: '7' },
}
const drift: Happening = {
  type: 'Warning',
  reason: 'DriftCorrected',
  action: 'Correct',
  note: 'stream orders: put back',
}

function recording(patchStatus = 200) {
  const clock = new FakeClock()
  const failures: unknown[] = []
  const transport = new ScriptedTransport(({ method }) => ({
    status: method === 'PATCH' ? patchStatus : 201,
    body: {},
  }))
  const recorder = new EventRecorder({
    client: new KubeClient({ transport }),
    clock,
    instance: 'operator-1',
    onFailure: (error) => failures.push(error),
  })
  return { clock, transport, recorder, failures }
}

describe('EventRecorder', () => {
  it('writes an event as events.k8s.io/v1 wants it', async () => {
    const { transport, recorder } = recording()
    recorder.emit(queue, { ...drift, note: 'x'.repeat(2000) })
    await recorder.flush()
    const [request] = transport.requests
    expect(request).toMatchObject({ method: 'POST', path: '/apis/events.k8s.io/v1/namespaces/shop/events' })
    expect(JSON.parse(request?.body ?? '')).toMatchObject({
      eventTime: '2026-01-01T00:00:00.000000Z',
      reportingController: 'pillion.dev/operator',
      reportingInstance: 'operator-1',
      regarding: { kind: 'Queue', name: 'orders', namespace: 'shop', uid: 'u1' },
      type: 'Warning',
      reason: 'DriftCorrected',
      action: 'Correct',
      note: 'x'.repeat(1024),
    })
  })

  it('makes one series of what repeats, told once a minute at most', async () => {
    const { clock, transport, recorder } = recording()
    for (let seconds = 0; seconds < 130; seconds += 1) {
      recorder.emit(queue, drift)
      await recorder.flush()
      await clock.pass(1000)
    }
    expect(transport.requests.map(({ method }) => method)).toEqual(['POST', 'PATCH', 'PATCH'])
    expect(transport.requests.slice(1).map(({ body }) => JSON.parse(body ?? '').series.count)).toEqual([61, 121])
  })

  it('begins anew after six quiet minutes', async () => {
    const { clock, transport, recorder } = recording()
    recorder.emit(queue, drift)
    await clock.pass(6 * 60_000 + 1)
    recorder.emit(queue, drift)
    await recorder.flush()
    expect(transport.requests.map(({ method }) => method)).toEqual(['POST', 'POST'])
  })

  it('writes a new event where the API server has dropped the first one', async () => {
    const { clock, transport, recorder } = recording(404)
    recorder.emit(queue, drift)
    await clock.pass(61_000)
    recorder.emit(queue, drift)
    await recorder.flush()
    expect(transport.requests.map(({ method }) => method)).toEqual(['POST', 'PATCH', 'POST'])
  })

  it('is no storm where every note is another one', async () => {
    const { transport, recorder, failures } = recording()
    for (let count = 0; count < 100; count += 1) {
      recorder.emit(queue, { ...drift, note: `attempt ${count}` })
      await recorder.flush()
    }
    expect(transport.requests).toHaveLength(10)
    expect(failures).toHaveLength(90)
    // Another object, and another reason, have their own share.
    recorder.emit({ ...queue, metadata: { ...queue.metadata, uid: 'u2' } }, drift)
    recorder.emit(queue, { ...drift, reason: 'NotEmpty' })
    await recorder.flush()
    expect(transport.requests).toHaveLength(12)
  })

  it('tells a failure, and nothing else depends on it', async () => {
    const transport = new ScriptedTransport(() => 'refused')
    const failures: unknown[] = []
    const recorder = new EventRecorder({
      client: new KubeClient({ transport }),
      clock: new FakeClock(),
      instance: 'i',
      onFailure: (error) => failures.push(error),
    })
    recorder.emit(queue, drift)
    await recorder.flush()
    expect(failures).toHaveLength(1)
  })
})
