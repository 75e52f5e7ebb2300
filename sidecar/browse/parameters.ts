import { SidecarError } from '../sidecar-error.ts'
import { patternProblem } from './subject-pattern.ts'

export interface BrowseParameters {
  /** The first sequence that is looked at. */
  readonly from: number
  /** Messages of a page at most, 1 … 1000. */
  readonly limit: number
  /** A subject as it was published to; `*` and `>` as in a subscription. */
  readonly subject: string | undefined
  /** Bytes of each body at most; undefined: the whole. */
  readonly maxBytes: number | undefined
}

const MAX_LIMIT = 1000
const DEFAULT_LIMIT = 100
const KNOWN = ['from', 'limit', 'subject', 'maxBytes']

/** Pure. Throws SidecarError InvalidParameter, which names the parameter. */
export function parseBrowse(query: URLSearchParams): BrowseParameters {
  for (const name of query.keys()) {
    if (!KNOWN.includes(name)) throw invalid(name, `is no parameter; there are ${KNOWN.join(', ')}`)
    if (query.getAll(name).length > 1) throw invalid(name, 'is given twice; give it once')
  }
  const subject = query.get('subject') ?? undefined
  const problem = subject === undefined ? undefined : patternProblem(subject)
  if (problem !== undefined) throw invalid('subject', problem)
  return {
    from: integer(query, 'from', 1, Number.MAX_SAFE_INTEGER) ?? 1,
    limit: integer(query, 'limit', 1, MAX_LIMIT) ?? DEFAULT_LIMIT,
    subject,
    maxBytes: integer(query, 'maxBytes', 0, Number.MAX_SAFE_INTEGER),
  }
}

function integer(query: URLSearchParams, name: string, min: number, max: number): number | undefined {
  const text = query.get(name)
  if (text === null) return undefined
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= min && value <= max) return value
  throw invalid(name, `is "${text}"; it has to be a whole number from ${min} to ${max}`)
}

const invalid = (field: string, message: string): SidecarError =>
  new SidecarError('InvalidParameter', `${field} ${message}`, { field })
