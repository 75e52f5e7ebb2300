import type { ApiErrorCode, MessageCounts } from '../crds/protocol/api.ts'

/** A refusal that its reader can do something about; the HTTP API answers with it as it is. */
export class SidecarError extends Error {
  override readonly name = 'SidecarError'
  readonly code: ApiErrorCode
  readonly field: string | undefined
  readonly messages: MessageCounts | undefined

  constructor(
    code: ApiErrorCode,
    message: string,
    more: { field?: string; messages?: MessageCounts; cause?: unknown } = {},
  ) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause })
    this.code = code
    this.field = more.field
    this.messages = more.messages
  }

  /** As answers and records have it. */
  get refusal(): { code: ApiErrorCode; message: string; field?: string } {
    const { code, field, message } = this
    return { code, message, ...(field === undefined ? {} : { field }) }
  }
}
