import type { Happening } from '../kube/events.ts'
import type { KubeObject } from '../kube/object.ts'
import type { Context } from './context.ts'

/** What happened in one reconcile that people should hear of; told at the end, when status is stored. */
export class Happenings {
  readonly #list: Happening[] = []
  readonly #driftOf: string[] = []

  note(happening: Happening): void {
    this.#list.push(happening)
  }

  /** Something differed from what was declared, and was put right. @param kind of the object, for the metric */
  drift(kind: string, note: string): void {
    this.#driftOf.push(kind)
    this.#list.push({ type: 'Warning', reason: 'DriftCorrected', action: 'Correct', note })
  }

  /** What we write does not stay. */
  overridden(named: string, fields: readonly string[]): void {
    const note = `${named}: something else in the cluster sets ${fields.join(', ')} whatever is applied, such as an admission webhook; it is left so`
    this.#list.push({ type: 'Warning', reason: 'FieldOverridden', action: 'Apply', note })
  }

  /** Tells everything noted so far, once. */
  tell(context: Context, about: KubeObject): void {
    for (const kind of this.#driftOf.splice(0)) context.metrics.driftCorrected(kind)
    for (const happening of this.#list.splice(0)) {
      const level = happening.type === 'Warning' ? 'warn' : 'info'
      context.log[level]({ reason: happening.reason, object: about.metadata.name }, happening.note)
      context.emit(about, happening)
    }
  }
}
