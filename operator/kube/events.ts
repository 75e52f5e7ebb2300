import { createHash, randomBytes } from 'node:crypto'
import type { Clock } from '../clock.ts'
import type { KubeClient } from './client.ts'
import { isNotFound } from './errors.ts'
import type { KubeObject } from './object.ts'
import { type KubeEvent, kubeEvents } from './resources.ts'

export type Happening = {
  readonly type: 'Normal' | 'Warning'
  /** Why, as one CamelCase word for programs. */
  readonly reason: string
  /** What was done, as one CamelCase word. */
  readonly action: string
  /** For people; at most 1 KiB is kept. */
  readonly note: string
}

/** Where events go. */
export type Emit = (about: KubeObject, happening: Happening) => void

type Series = { event: string; namespace: string; count: number; told: number; toldAt: number; seenAt: number }

/** The same event again within this time joins the series of the first, as in client-go. Milliseconds. */
const SERIES_MS = 6 * 60_000
/** A series is written at most this often. Milliseconds. */
const SERIES_WRITE_MS = 60_000
/** Different notes of one reason about one object, within SERIES_MS; more than these are only logged. */
const NOTES_MAX = 10
const NOTE_MAX_LENGTH = 1024

/**
 * Writes events (events.k8s.io/v1) without a storm: what repeats becomes a series with a count, written once a minute at most, and
 * one object gets at most ten different notes of one reason in six minutes. An event that cannot be written (a namespace that is
 * going takes none) is logged and forgotten: nothing depends on it.
 */
export class EventRecorder {
  readonly #client: KubeClient
  readonly #clock: Clock
  readonly #instance: string
  readonly #onFailure: (error: unknown, happening: Happening) => void
  readonly #series = new Map<string, Series>()
  readonly #pending = new Set<Promise<void>>()

  constructor(options: {
    client: KubeClient
    clock: Clock
    /** Which operator, such as the pod's name. */
    instance: string
    onFailure: (error: unknown, happening: Happening) => void
  }) {
    this.#client = options.client
    this.#clock = options.clock
    this.#instance = options.instance
    this.#onFailure = options.onFailure
  }

  readonly emit: Emit = (about, happening) => {
    const work = this.#record(about, happening).catch((error: unknown) => this.#onFailure(error, happening))
    this.#pending.add(work)
    void work.finally(() => this.#pending.delete(work))
  }

  /** Resolves when everything emitted so far is written or given up. */
  async flush(): Promise<void> {
    await Promise.all(this.#pending)
  }

  async #record(about: KubeObject, happening: Happening): Promise<void> {
    const now = this.#clock.now()
    this.#forgetOld(now)
    const group = [about.metadata.uid, happening.type, happening.reason].join('/')
    const key = `${group}/${createHash('sha256').update(`${happening.action}\n${happening.note}`).digest('hex')}`
    const series = this.#series.get(key)
    if (series !== undefined) {
      series.count += 1
      series.seenAt = now
      if (now - series.toldAt < SERIES_WRITE_MS) return
      series.told = series.count
      series.toldAt = now
      if (await this.#tellAgain(series)) return
    } else if ([...this.#series.keys()].filter((other) => other.startsWith(`${group}/`)).length >= NOTES_MAX) {
      throw new Error('too many different events of this kind about one object')
    }
    const event = this.#eventOf(about, happening)
    const { name, namespace = 'default' } = event.metadata
    this.#series.set(key, { event: name, namespace, count: 1, told: 1, toldAt: now, seenAt: now })
    await this.#client.create(kubeEvents, event)
  }

  async #tellAgain(series: Series): Promise<boolean> {
    try {
      await this.#client.mergePatch(
        kubeEvents,
        { namespace: series.namespace, name: series.event },
        { series: { count: series.count, lastObservedTime: microTime(this.#clock.date()) } },
      )
      return true
    } catch (error) {
      // The API server drops events after an hour or so; then it is a new one.
      if (isNotFound(error)) return false
      throw error
    }
  }

  #eventOf(about: KubeObject, happening: Happening): KubeEvent {
    const { name, namespace = 'default', uid, resourceVersion } = about.metadata
    return {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { name: `${name}.${randomBytes(8).toString('hex')}`, namespace },
      eventTime: microTime(this.#clock.date()),
      reportingController: 'pillion.dev/operator',
      reportingInstance: this.#instance,
      action: happening.action,
      reason: happening.reason,
      type: happening.type,
      note: happening.note.slice(0, NOTE_MAX_LENGTH),
      regarding: {
        apiVersion: about.apiVersion,
        kind: about.kind,
        name,
        namespace,
        ...(uid === undefined ? {} : { uid }),
        ...(resourceVersion === undefined ? {} : { resourceVersion }),
      },
    }
  }

  #forgetOld(now: number): void {
    for (const [key, { seenAt }] of this.#series) if (now - seenAt > SERIES_MS) this.#series.delete(key)
  }
}

/** metav1.MicroTime. */
export const microTime = (date: Date): string => date.toISOString().replace(/Z$/, '000Z')
