/**
 * Transactions of Pillion over a connection of a stock NATS client: what is sent and acknowledged takes effect as a whole or not at all. See
 * "Transactions" in the README for what is promised.
 */

/** What is used of a connection, such as `connect()` of `@nats-io/transport-node` gives. */
export interface Connection {
  request(subject: string, payload: string, options: { timeout: number }): Promise<{ string(): string }>
}

export interface SendOptions {
  /** What follows `q.<queue>.` in the subject: a key, a level or a path, where the Queue's mode has one. */
  readonly rest?: string
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
}

export interface Tx {
  /** Adds a message. Nothing is sent before the whole is committed. */
  send(queue: string, body: string | Uint8Array, options?: SendOptions): void
  /** Adds the acknowledgement of a received message, which is not to be acknowledged otherwise. Throws TypeError where it is none. */
  ack(message: object): void
}

export interface Committed {
  readonly id: string
  /** `Committing`: it is decided, and a Queue has yet to take it, such as one that is full. */
  readonly state: 'Committed' | 'Committing'
}

/** Nothing of it took effect. `code` is one of the broker's, such as `AckRefused` or `QueueFull`; `field` what it is about. */
export class TransactionAborted extends Error {
  override readonly name = 'TransactionAborted'
  readonly id: string
  readonly code: string
  readonly field: string | undefined

  constructor(id: string, { code, field, message }: Refusal) {
    super(message)
    this.id = id
    this.code = code
    this.field = field
  }
}

/** Nobody said in time how it ended: all of it took effect, or nothing. `GET /transactions/<id>` of the sidecar tells. */
export class TransactionUnknown extends Error {
  override readonly name = 'TransactionUnknown'
  readonly id: string

  constructor(id: string, cause: unknown) {
    super(`it is not known how transaction ${id} ended`, { cause })
    this.id = id
  }
}

export interface TransactionsOptions {
  /** It is asked again for so long, with the same id, until it is answered. Milliseconds; default 30,000. */
  readonly timeout?: number
}

/** For one answer. Milliseconds. */
const ANSWER_MS = 5000
/** Before it is asked again. Milliseconds. */
const AGAIN_MS = 50

/**
 * Makes of a connection a function that runs `work` and commits what it added. Where `work` throws, so does that, and nothing was done.
 * It throws TransactionAborted or TransactionUnknown.
 */
export function transactions(
  connection: Connection,
  { timeout = 30_000 }: TransactionsOptions = {},
): (work: (tx: Tx) => unknown) => Promise<Committed> {
  return async (work) => {
    const id = crypto.randomUUID()
    const sends: object[] = []
    const acks: string[] = []
    await work({
      send: (queue, body, { rest = '', headers = {} } = {}) => {
        const text = typeof body === 'string'
        const content = text ? body : Buffer.from(body).toString('base64')
        sends.push({ queue, rest, headers, body: content, encoding: text ? 'text' : 'base64' })
      },
      ack: (message) => acks.push(replyOf(message)),
    })
    return commit(connection, { id, sends, acks }, performance.now() + timeout)
  }
}

/** The clients' types do not tell of it, and every delivery has it. */
function replyOf(message: object): string {
  const reply: unknown = 'reply' in message ? message.reply : undefined
  if (typeof reply === 'string' && reply.startsWith('$JS.ACK.')) return reply
  throw new TypeError('tx.ack takes a message as a consumer received it')
}

interface Request {
  readonly id: string
  readonly sends: readonly object[]
  readonly acks: readonly string[]
}

async function commit(connection: Connection, request: Request, until: number): Promise<Committed> {
  const { id } = request
  for (let last: unknown; ; ) {
    const left = until - performance.now()
    if (left <= 0) throw new TransactionUnknown(id, last)
    try {
      const answer = parse(
        (
          await connection.request('pillion.tx.commit', JSON.stringify(request), { timeout: Math.min(left, ANSWER_MS) })
        ).string(),
      )
      if ('state' in answer) return { id, state: answer.state }
      const { error } = answer
      if (error.code !== 'BrokerNotReady') throw new TransactionAborted(id, error)
      last = new Error(error.message)
    } catch (error) {
      if (error instanceof TransactionAborted) throw error
      last = error
    }
    await new Promise((done) => setTimeout(done, AGAIN_MS))
  }
}

interface Refusal {
  readonly code: string
  readonly field: string | undefined
  readonly message: string
}
type Answer = { readonly state: Committed['state'] } | { readonly error: Refusal }

/** No schema library: this is all that a client of it needs to have. */
function parse(text: string): Answer {
  const json: unknown = JSON.parse(text)
  if (typeof json !== 'object' || json === null) throw new Error('the answer is no transaction')
  const { state, reason, error }: { state?: unknown; reason?: unknown; error?: unknown } = json
  if (state === 'Committed' || state === 'Committing') return { state }
  const { code, field, message }: { code?: unknown; field?: unknown; message?: unknown } =
    typeof error === 'object' && error !== null ? error : {}
  const or = (value: unknown, otherwise: string): string => (typeof value === 'string' ? value : otherwise)
  return {
    error: {
      code: or(code, 'Aborted'),
      field: typeof field === 'string' ? field : undefined,
      message: or(message, or(reason, 'it was aborted')),
    },
  }
}
