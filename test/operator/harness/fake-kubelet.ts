import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '../../../operator/clock.ts'
import { MANAGED_SELECTOR } from '../../../operator/desired/labels.ts'
import { ResourceCache } from '../../../operator/kube/cache.ts'
import type { KubeClient } from '../../../operator/kube/client.ts'
import type { KubeObject } from '../../../operator/kube/object.ts'
import {
  type PersistentVolumeClaim,
  type Pod,
  persistentVolumeClaims,
  pods,
  type Resource,
} from '../../../operator/kube/resources.ts'
import { objectPath } from '../../../operator/kube/resources.ts'
import { Reflector } from '../../../operator/kube/reflector.ts'

const RETRY_MS = 100

/** Says of pods and volumes what a kubelet and a provisioner would say; nothing runs. */
export class FakeKubelet {
  readonly #admin: KubeClient
  readonly #namespace: string
  readonly #stopping = new AbortController()
  readonly #running: Promise<void>[] = []
  readonly #work = new Set<Promise<void>>()
  readonly #pods = new ResourceCache<Pod>()
  readonly #claims = new ResourceCache<PersistentVolumeClaim>()
  /** Names of pods that do not get ready, and of claims that are not bound. */
  readonly held = new Set<string>()

  constructor(admin: KubeClient, namespace: string) {
    this.#admin = admin
    this.#namespace = namespace
    this.#pods.onChange(({ after }) => after && this.#do(() => this.#startPod(after)))
    this.#claims.onChange(({ after }) => after && this.#do(() => this.#bind(after)))
  }

  start(): void {
    this.#reflect(pods, this.#pods)
    this.#reflect(persistentVolumeClaims, this.#claims)
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await Promise.all(this.#running)
    await Promise.all(this.#work)
  }

  /** Looks again at what was held. */
  release(...names: string[]): void {
    for (const name of names) this.held.delete(name)
    for (const pod of this.#pods.values()) this.#do(() => this.#startPod(pod))
    for (const claim of this.#claims.values()) this.#do(() => this.#bind(claim))
  }

  async setStatus<T extends KubeObject>(kind: Resource<T>, object: T, status: object): Promise<void> {
    const { namespace = '', name } = object.metadata
    const response = await this.#admin.proxy({
      method: 'PATCH',
      path: `${objectPath(kind, { namespace, name })}/status`,
      headers: { 'content-type': 'application/merge-patch+json' },
      body: JSON.stringify({ status }),
    })
    // Gone in the meantime is as good.
    if (response.status >= 300 && response.status !== 404) throw new Error(await response.text())
    await response.text()
  }

  async #startPod(pod: Pod): Promise<void> {
    const ready = pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True')
    if (ready === true || this.held.has(pod.metadata.name) || pod.metadata.deletionTimestamp !== undefined) return
    const time = new Date().toISOString()
    const conditions = ['PodScheduled', 'Initialized', 'ContainersReady', 'Ready'].map((type) => ({
      type,
      status: 'True',
      lastTransitionTime: time,
    }))
    await this.setStatus(pods, pod, { phase: 'Running', conditions })
  }

  async #bind(claim: PersistentVolumeClaim): Promise<void> {
    if (this.held.has(claim.metadata.name)) return
    const storage = claim.spec?.resources?.requests?.['storage'] ?? '1Gi'
    if (claim.status?.phase === 'Bound' && claim.status.capacity?.['storage'] === storage) return
    await this.setStatus(persistentVolumeClaims, claim, {
      phase: 'Bound',
      capacity: { storage },
      accessModes: ['ReadWriteOnce'],
    })
  }

  #do(work: () => Promise<void>): void {
    const done = this.#untilDone(work)
    this.#work.add(done)
    void done.finally(() => this.#work.delete(done))
  }

  /** Tries again what the API server did not take, as a kubelet does: it may be away for a while. */
  async #untilDone(work: () => Promise<void>): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      try {
        return await work()
      } catch {
        await sleep(RETRY_MS)
      }
    }
  }

  #reflect<T extends KubeObject>(kind: Resource<T>, cache: ResourceCache<T>): void {
    const reflector = new Reflector({
      client: this.#admin.with({ signal: this.#stopping.signal }),
      kind,
      cache,
      namespace: this.#namespace,
      labels: MANAGED_SELECTOR,
      clock: systemClock,
      onError: () => {},
    })
    this.#running.push(reflector.run(this.#stopping.signal))
  }
}
