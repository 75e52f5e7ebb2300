import { isDuration, parseDuration } from '../../crds/index.ts'
import type { Source } from '../../crds/protocol/browse.ts'
import { type OperationRequest, operationRequestSchema } from '../../crds/protocol/operation.ts'
import { patternProblem } from '../browse/subject-pattern.ts'
import { SidecarError } from '../sidecar-error.ts'

export type WantedOperation = OperationRequest & { readonly from: Source }

/** Pure. Throws SidecarError InvalidParameter, which names the field. */
export function parseOperation(queue: string, json: unknown): WantedOperation {
  const parsed = operationRequestSchema.safeParse(json)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    const unknown = issue?.code === 'unrecognized_keys' ? issue.keys[0] : undefined
    const path = [...(issue?.path ?? []), ...(unknown === undefined ? [] : [unknown])].join('.')
    throw invalid(path || 'body', unknown === undefined ? (issue?.message ?? '') : 'is no field of an operation')
  }
  const request = parsed.data
  const { kind, to, broker, select } = request
  const from = request.from ?? (kind === 'redrive' ? 'dead-letters' : undefined)
  if (from === undefined) throw invalid('from', `is needed: ${kind} what, messages or dead-letters?`)
  if (kind === 'redrive' && from !== 'dead-letters') throw invalid('from', 'has to be dead-letters; leave it out')
  if (kind === 'move' && to === undefined) throw invalid('to', 'is needed: the name of another queue')
  if (kind !== 'move' && to !== undefined) throw invalid('to', `is for kind move; leave it out of ${kind}`)
  if (kind !== 'move' && broker !== undefined) throw invalid('broker', `is for kind move; leave it out of ${kind}`)
  if (to === queue && broker === undefined)
    throw invalid('to', 'is the queue itself; dead letters go back to it by kind redrive')
  if (select.reason !== undefined && from !== 'dead-letters') {
    throw invalid('select.reason', 'says why a message was dead-lettered; leave it out, or say "from": "dead-letters"')
  }
  if (select.olderThan !== undefined && !isDuration(select.olderThan)) {
    throw invalid('select.olderThan', `is "${select.olderThan}"; write a duration such as 30s, 15m or 24h`)
  }
  if (select.olderThan !== undefined && parseDuration(select.olderThan) === 0) {
    throw invalid('select.olderThan', 'is 0; leave it out to select messages of any age')
  }
  const problem = select.subject === undefined ? undefined : patternProblem(select.subject)
  if (problem !== undefined) throw invalid('select.subject', problem)
  return { ...request, from }
}

const invalid = (field: string, message: string): SidecarError =>
  new SidecarError('InvalidParameter', `${field} ${message}`, { field })
