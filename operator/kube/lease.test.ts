import { describe, expect, it } from 'vitest'
import { FakeClock, settle } from '../../test/operator/harness/fake-clock.ts'
import { type Answer, ScriptedTransport } from '../../test/operator/harness/scripted-transport.ts'
import { KubeClient } from './client.ts'
import { Election, type Leadership } from './lease.ts'

type StoredLease = { metadata: { resourceVersion: string }; spec: { holderIdentity: string; leaseTransitions: number } }

/** One Lease, as an API server keeps it: a replace needs the version that is there. */
class LeaseServer {
  lease: StoredLease | undefined
  #version = 0
  /** Identities whose requests get no answer. */
  readonly cutOff = new Set<string>()

  transport(identity: string): ScriptedTransport {
    return new ScriptedTransport(({ method, body }): Answer => {
      if (this.cutOff.has(identity)) return 'refused'
      if (method === 'GET') {
        return this.lease === undefined ? { status: 404, body: { code: 404 } } : { status: 200, body: this.lease }
      }
      const sent: StoredLease = JSON.parse(body ?? '{}')
      if (method === 'POST' && this.lease !== undefined) return { status: 409, body: { reason: 'AlreadyExists' } }
      if (method === 'PUT' && sent.metadata.resourceVersion !== this.lease?.metadata.resourceVersion) {
        return { status: 409, body: { reason: 'Conflict' } }
      }
      this.#version += 1
      this.lease = { ...sent, metadata: { ...sent.metadata, resourceVersion: String(this.#version) } }
      return { status: 200, body: this.lease }
    })
  }
}

function contender(server: LeaseServer, clock: FakeClock, identity: string) {
  const stop = new AbortController()
  const state: { leadership: Leadership | undefined; terms: number } = { leadership: undefined, terms: 0 }
  const election = new Election({
    client: new KubeClient({ transport: server.transport(identity) }),
    clock,
    lease: { namespace: 'n', name: 'l' },
    identity,
    onError: () => {},
    random: () => 0,
  })
  const ended = election.run(stop.signal, async (leadership) => {
    state.leadership = leadership
    state.terms += 1
    await new Promise<void>((resolve) => leadership.signal.addEventListener('abort', () => resolve(), { once: true }))
    state.leadership = undefined
  })
  const end = async () => {
    stop.abort()
    await clock.pass(0)
    await ended
  }
  return { state, end, leads: () => state.leadership !== undefined }
}

describe('Election', () => {
  it('has one leader, who goes on as long as it renews', async () => {
    const [server, clock] = [new LeaseServer(), new FakeClock()]
    const [one, two] = [contender(server, clock, 'one'), contender(server, clock, 'two')]
    await clock.pass(120_000)
    expect(one.leads()).not.toBe(two.leads())
    expect(one.state.terms + two.state.terms).toBe(1)
    await one.end()
    await two.end()
  })

  it('hands over at once when the leader gives it back', async () => {
    const [server, clock] = [new LeaseServer(), new FakeClock()]
    const one = contender(server, clock, 'one')
    await clock.pass(0)
    const two = contender(server, clock, 'two')
    await clock.pass(5000)
    await one.end()
    expect(server.lease?.spec.holderIdentity).toBe('')
    await clock.pass(2000)
    expect(two.leads()).toBe(true)
    expect(server.lease?.spec.leaseTransitions).toBe(1)
    await two.end()
  })

  it('a leader that is cut off steps down before another one takes over', async () => {
    const [server, clock] = [new LeaseServer(), new FakeClock()]
    const one = contender(server, clock, 'one')
    await clock.pass(0)
    const two = contender(server, clock, 'two')
    await clock.pass(5000)
    server.cutOff.add('one')
    let steppedDownAt: number | undefined
    while (!two.leads()) {
      await clock.pass(250)
      if (!one.leads()) steppedDownAt ??= clock.now()
      expect(one.leads() && two.leads()).toBe(false)
      expect(clock.now()).toBeLessThan(60_000)
    }
    // It may not renew for 10 s, and the lease lasts 15 s.
    expect(clock.now() - (steppedDownAt ?? 0)).toBeGreaterThan(2000)
    server.cutOff.delete('one')
    await clock.pass(60_000)
    expect([one.leads(), two.leads()]).toEqual([false, true])
    await one.end()
    await two.end()
  })

  it('takes over from a leader that is gone without a word when its lease has not changed for its duration', async () => {
    const [server, clock] = [new LeaseServer(), new FakeClock()]
    const one = contender(server, clock, 'one')
    await clock.pass(0)
    server.cutOff.add('one')
    const two = contender(server, clock, 'two')
    await clock.pass(14_000)
    expect(two.leads()).toBe(false)
    await clock.pass(4000)
    expect(two.leads()).toBe(true)
    await one.end()
    await two.end()
  })

  it('a process that stood still past its lease may not write when it wakes up', async () => {
    const [server, clock] = [new LeaseServer(), new FakeClock()]
    const one = contender(server, clock, 'one')
    await clock.pass(0)
    const { leadership } = one.state
    expect(() => leadership?.assertHeld()).not.toThrow()
    // Stopped and continued: time passed, and no timer of ours ran.
    clock.skip(16_000)
    expect(() => leadership?.assertHeld()).toThrow('leadership was lost; nothing is written')
    await settle()
    await one.end()
  })
})
