import { type Clock, sleep } from '../clock.ts'
import type { KubeClient } from './client.ts'
import { isAlreadyExists, isConflict } from './errors.ts'
import { microTime } from './events.ts'
import type { ObjectName } from './object.ts'
import { type Lease, leases } from './resources.ts'

export type ElectionOptions = {
  readonly client: KubeClient
  readonly clock: Clock
  readonly lease: ObjectName
  /** Which operator; different for each process. */
  readonly identity: string
  /** How long the others leave the leader alone after its last sign of life, in milliseconds. */
  readonly leaseMs?: number
  /** A leader that could not renew for this long steps down; less than leaseMs, so that there are never two. Milliseconds. */
  readonly renewDeadlineMs?: number
  /** Time between two tries, in milliseconds. */
  readonly retryMs?: number
  readonly onError: (error: unknown) => void
  /** The API server answered about the lease. */
  readonly onContact?: () => void
  readonly random?: () => number
}

/** What the leader may ask. */
export type Leadership = {
  /** Aborted when leadership is lost or given up. */
  readonly signal: AbortSignal
  /**
   * @throws Error when the lease has run out. A process that was stopped for a while finds out here, before it writes anything.
   */
  readonly assertHeld: () => void
}

/** Defaults of client-go. */
const LEASE_MS = 15_000
const RENEW_DEADLINE_MS = 10_000
const RETRY_MS = 2000

/**
 * Leader election by a Lease. Whoever finds it unheld, or unchanged for its whole duration by its own clock (clocks need not agree),
 * takes it by a replace with the resourceVersion that it read: of two that try, one gets 409.
 */
export class Election {
  readonly #options: Required<ElectionOptions>
  #seen: { version: string; at: number; lease: Lease } | undefined
  /** Up to when nobody else takes the lease. */
  #heldUntil = Number.NEGATIVE_INFINITY

  constructor(options: ElectionOptions) {
    this.#options = {
      leaseMs: LEASE_MS,
      renewDeadlineMs: RENEW_DEADLINE_MS,
      retryMs: RETRY_MS,
      onContact: () => {},
      random: Math.random,
      ...options,
    }
  }

  /**
   * Waits to become leader, runs `lead` until leadership is lost, and starts again; until `signal` is aborted, which ends `lead`
   * and then gives the lease back, so that the next one need not wait.
   * @throws whatever `lead` throws; the lease is given back
   */
  async run(signal: AbortSignal, lead: (leadership: Leadership) => Promise<void>): Promise<void> {
    const { clock, retryMs, random } = this.#options
    while (!signal.aborted) {
      if (!(await this.#try(signal))) {
        await sleep(clock, retryMs * (1 + 0.2 * random()), signal)
        continue
      }
      const ended = new AbortController()
      const leadership: Leadership = {
        signal: AbortSignal.any([signal, ended.signal]),
        assertHeld: () => {
          if (clock.now() >= this.#heldUntil) throw new Error('leadership was lost; nothing is written')
        },
      }
      const renewing = this.#renew(leadership.signal).finally(() => ended.abort())
      try {
        await lead(leadership)
      } finally {
        ended.abort()
        await renewing
        if (clock.now() < this.#heldUntil) await this.#giveBack()
      }
    }
  }

  /** Renews until it cannot for renewDeadlineMs, or `signal` is aborted. */
  async #renew(signal: AbortSignal): Promise<void> {
    const { clock, leaseMs, renewDeadlineMs, retryMs } = this.#options
    while (!signal.aborted) {
      await sleep(clock, retryMs, signal)
      if (signal.aborted) return
      const deadline = this.#heldUntil - leaseMs + renewDeadlineMs
      if (clock.now() >= deadline) return
      const limit = new AbortController()
      const cancel = clock.after(deadline - clock.now(), () => limit.abort())
      try {
        const held = await this.#try(AbortSignal.any([signal, limit.signal]))
        if (!held && this.#takenByAnother()) return
      } finally {
        cancel()
      }
    }
  }

  #takenByAnother(): boolean {
    const holder = this.#seen?.lease.spec?.holderIdentity ?? ''
    return holder !== '' && holder !== this.#options.identity
  }

  /** One attempt to take or renew. False: not now. */
  async #try(signal: AbortSignal): Promise<boolean> {
    const { client, clock, lease, leaseMs, onError } = this.#options
    const bounded = client.with({ signal })
    const startedAt = clock.now()
    try {
      const found = await bounded.find(leases, lease)
      if (found === undefined) {
        this.#note(await bounded.create(leases, this.#lease(undefined)))
      } else {
        this.#note(found)
        if (!this.#mayTake()) return false
        this.#note(await bounded.replace(leases, this.#lease(found)))
      }
      this.#heldUntil = startedAt + leaseMs
      return true
    } catch (error) {
      // Of two that try at once, the other one was first.
      if (!signal.aborted && !isConflict(error) && !isAlreadyExists(error)) onError(error)
      return false
    }
  }

  #note(lease: Lease): void {
    this.#options.onContact()
    const version = lease.metadata.resourceVersion ?? ''
    if (this.#seen?.version !== version) this.#seen = { version, at: this.#options.clock.now(), lease }
  }

  #mayTake(): boolean {
    if (this.#seen === undefined || !this.#takenByAnother()) return true
    const seconds = this.#seen.lease.spec?.leaseDurationSeconds ?? 0
    return this.#options.clock.now() >= this.#seen.at + seconds * 1000
  }

  #lease(previous: Lease | undefined): Lease {
    const { clock, lease, identity, leaseMs } = this.#options
    const now = microTime(clock.date())
    const spec = previous?.spec
    const changes = spec?.holderIdentity === identity ? 0 : 1
    return {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: {
        ...lease,
        ...(previous?.metadata.resourceVersion === undefined
          ? {}
          : { resourceVersion: previous.metadata.resourceVersion }),
      },
      spec: {
        holderIdentity: identity,
        leaseDurationSeconds: Math.ceil(leaseMs / 1000),
        acquireTime: changes === 0 ? (spec?.acquireTime ?? now) : now,
        renewTime: now,
        leaseTransitions: (spec?.leaseTransitions ?? -1) + (previous === undefined ? 1 : changes),
      },
    }
  }

  async #giveBack(): Promise<void> {
    const held = this.#seen?.lease
    this.#heldUntil = Number.NEGATIVE_INFINITY
    if (held === undefined || held.spec?.holderIdentity !== this.#options.identity) return
    try {
      const spec = { ...held.spec, holderIdentity: '', leaseDurationSeconds: 1 }
      this.#note(await this.#options.client.replace(leases, { ...held, spec }))
    } catch (error) {
      // Then the next one waits for the lease to run out.
      if (!isConflict(error)) this.#options.onError(error)
    }
  }
}
