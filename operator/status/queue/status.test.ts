import { describe, expect, it } from 'vitest'
import type { QueueObservation } from '../../../crds/protocol/api.ts'
import { retry, stalled, waiting } from '../../reconcile/outcome.ts'
import { conditionOf, conditionsOf, type Fact, isFalse, isTrue } from '../condition.ts'
import type { QueueFacts } from './facts.ts'
import { queueStatus } from './status.ts'

const now = new Date('2026-01-01T00:00:00Z')
const counts = { ready: 0, inFlight: 0, delayed: 0, deadLettered: 0 }
const observation: QueueObservation = {
  name: 'orders',
  generation: 2,
  configured: true,
  subject: 'q.orders',
  messages: counts,
  transactionsInDoubt: 0,
  corrected: [],
}
const brokerWith = (fact: Fact): QueueFacts['broker'] => ({
  apiVersion: 'pillion.dev/v1alpha1',
  kind: 'QueueBroker',
  metadata: { name: 'shop' },
  status: { conditions: conditionsOf({ BrokerReady: fact }, undefined, 1, now) },
})
const ready = isTrue('PodsReady', 'the broker pod is ready')

const facts = (more: Partial<QueueFacts>): QueueFacts => ({
  name: 'orders',
  generation: 2,
  going: false,
  brokerName: 'shop',
  broker: brokerWith(ready),
  stop: undefined,
  observation: undefined,
  counts: undefined,
  hold: undefined,
  previous: undefined,
  ...more,
})
const shown = (more: Partial<QueueFacts>) =>
  Object.fromEntries(
    (queueStatus(facts(more), 'nats://shop', now).conditions ?? []).map(({ type, status, reason }) => [
      type,
      `${status} ${reason}`,
    ]),
  )
const before = (configured: Fact, generation = 2): QueueFacts['previous'] => ({
  observedGeneration: generation,
  conditions: conditionsOf({ Configured: configured }, undefined, generation, now),
})

describe('the conditions of a Queue', () => {
  it('when all is well', () => {
    expect(shown({ observation, counts })).toEqual({
      Ready: 'True Ready',
      BrokerReady: 'True PodsReady',
      Configured: 'True Configured',
      DeadLetterEmpty: 'True Empty',
      TransactionsDecided: 'True NoneInDoubt',
    })
  })

  it('dead letters do not make it less ready', () => {
    expect(shown({ observation, counts: { ...counts, deadLettered: 1 } })).toMatchObject({
      Ready: 'True Ready',
      DeadLetterEmpty: 'False DeadLetters',
    })
  })

  it('a transaction in doubt does not make it less ready, and stays told while the broker cannot be asked', () => {
    const observed = { observation: { ...observation, transactionsInDoubt: 2 }, counts }
    expect(shown(observed)).toMatchObject({ Ready: 'True Ready', TransactionsDecided: 'False InDoubt' })
    const status = queueStatus(facts(observed), '', now)
    expect(conditionOf(status.conditions, 'TransactionsDecided')?.message).toBe(
      '2 transactions are in doubt, and what waits for them stays so: their producers were asked in vain, or another broker that they span is gone; pillion tx list says which, and what is to be decided with pillion tx resolve',
    )
    const stop = { step: 'configure', halt: retry('BrokerUnreachable', 'refused', new Error('x')) }
    expect(shown({ stop, previous: status })).toMatchObject({ TransactionsDecided: 'False InDoubt' })
  })

  it('of a sidecar that does not count transactions in doubt', () => {
    const { transactionsInDoubt: _, ...older } = observation
    expect(shown({ observation: older, counts })).toMatchObject({
      Ready: 'True Ready',
      TransactionsDecided: 'Unknown NotCounted',
    })
  })

  it('without a broker', () => {
    const stop = { step: 'find-broker', halt: waiting('BrokerNotFound', 'there is none') }
    expect(shown({ broker: undefined, stop })).toEqual({
      Ready: 'False BrokerNotFound',
      BrokerReady: 'False BrokerNotFound',
      Configured: 'Unknown BrokerNotFound',
      DeadLetterEmpty: 'Unknown NotCounted',
      TransactionsDecided: 'Unknown NotCounted',
    })
  })

  it('with a broker that is not ready: its own reason', () => {
    const broker = brokerWith(isFalse('VolumeNotBound', 'no volume'))
    const stop = { step: 'await-broker', halt: waiting('BrokerNotReady', 'waits') }
    expect(shown({ broker, stop })).toMatchObject({
      Ready: 'False VolumeNotBound',
      BrokerReady: 'False VolumeNotBound',
      Configured: 'Unknown BrokerNotReady',
    })
    // What it was told before, it has stored.
    expect(shown({ broker, stop, previous: before(isTrue('Configured', '')) })).toMatchObject({
      Configured: 'True Configured',
    })
    expect(shown({ broker, stop, previous: before(isTrue('Configured', ''), 1) })).toMatchObject({
      Configured: 'Unknown BrokerNotReady',
    })
  })

  it('with a sidecar that refuses: its code', () => {
    const stop = { step: 'configure', halt: stalled('InvalidSpec', 'no room') }
    expect(shown({ stop, previous: before(isTrue('Configured', '')) })).toMatchObject({
      Ready: 'False InvalidSpec',
      BrokerReady: 'True PodsReady',
      Configured: 'False InvalidSpec',
    })
  })

  it('with a sidecar that cannot be asked: what was found stands, and what was never found does not', () => {
    const stop = { step: 'configure', halt: retry('BrokerUnreachable', 'refused', new Error('x')) }
    expect(shown({ stop, previous: before(isTrue('Configured', '')) })).toMatchObject({ Ready: 'True Ready' })
    expect(shown({ stop, previous: before(isFalse('InvalidSpec', '')) })).toMatchObject({ Ready: 'False InvalidSpec' })
    expect(
      shown({ stop, previous: before({ status: 'Unknown', reason: 'BrokerNotReady', message: '' }) }),
    ).toMatchObject({
      Ready: 'False BrokerUnreachable',
      Configured: 'Unknown BrokerUnreachable',
    })
  })

  it('with a spec that cannot be read', () => {
    const stop = { step: 'read-spec', halt: stalled('InvalidSpec', 'spec.type …') }
    expect(shown({ stop, broker: undefined })).toMatchObject({
      Ready: 'False InvalidSpec',
      Configured: 'False InvalidSpec',
    })
  })

  it('while its deletion waits, what it was stays, whatever generation that was found for', () => {
    const stop = { step: 'ask-broker', halt: waiting('NotEmpty', '7 messages') }
    expect(
      shown({
        going: true,
        stop,
        hold: isFalse('NotEmpty', '7 messages'),
        previous: before(isTrue('Configured', ''), 1),
      }),
    ).toMatchObject({
      Ready: 'True Ready',
      Configured: 'True Configured',
      Deletable: 'False NotEmpty',
    })
  })
})
