/** The part of a `metav1.Status` that says what went wrong. */
export type StatusBody = {
  code?: number
  reason?: string
  message?: string
  details?: { retryAfterSeconds?: number; causes?: { reason?: string; field?: string; message?: string }[] }
}

const advice: Readonly<Record<number, string>> = {
  400: 'the API server could not read what was sent; its version may be older than this operator supports (1.33)',
  401: 'the token was refused; it is read again at the next request. Check the service account, or the kubeconfig',
  403: 'the service account lacks a right, or an admission rule refuses; compare its Role with the chart',
  404: 'it is not there; if it is the kind itself that is missing, install the CRDs',
  409: 'somebody else changed it at the same time; it is tried again',
  410: 'that version is no longer kept; the list is read again',
  413: 'the object is too large',
  422: 'the API server or a rule of the cluster refuses a value; the message names the field',
  429: 'the API server is busy; it is tried again later',
}

/** The API server answered, and the answer is no. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  /** HTTP status. */
  readonly status: number
  /** The reason of the API server's Status, such as `NotFound`, `AlreadyExists`, `Conflict`. */
  readonly reason: string
  /** What the API server said, without our context. */
  readonly detail: string
  /** What to do. */
  readonly advice: string
  /** How long the API server asked to wait, in milliseconds. */
  readonly retryAfterMs: number | undefined

  constructor(request: { method: string; path: string }, status: number, body: StatusBody, retryAfterMs?: number) {
    const detail = body.message ?? 'no message'
    const todo = advice[status] ?? 'the API server is in trouble; it is tried again'
    super(`${request.method} ${request.path}: ${status} ${body.reason ?? ''}: ${detail} (${todo})`)
    this.status = status
    this.reason = body.reason ?? ''
    this.detail = detail
    this.advice = todo
    this.retryAfterMs = retryAfterMs
  }
}

/** There was no answer, or it broke off: connection refused, reset, timed out. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError'

  constructor(request: { method: string; path: string }, cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause)
    super(`${request.method} ${request.path}: no answer: ${why} (is the API server up? it is tried again)`, { cause })
  }
}

const hasStatus = (error: unknown, status: number): error is ApiError =>
  error instanceof ApiError && error.status === status

export const isNotFound = (error: unknown): error is ApiError => hasStatus(error, 404)
export const isConflict = (error: unknown): error is ApiError => hasStatus(error, 409)
export const isAlreadyExists = (error: unknown): error is ApiError =>
  isConflict(error) && error.reason === 'AlreadyExists'
export const isForbidden = (error: unknown): error is ApiError => hasStatus(error, 403)

/** The label of an error in metrics: the HTTP status, or that there was none. */
export const errorCode = (error: unknown): string =>
  error instanceof ApiError ? String(error.status) : error instanceof UnreachableError ? 'unreachable' : 'internal'
