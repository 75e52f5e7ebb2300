import { randomBytes } from 'node:crypto'
import type { NatsConnection } from '@nats-io/transport-node'
import { request } from 'undici'
import { checkBackAnswer } from '../../crds/protocol/subjects.ts'
import { Limiter } from '../delay/limiter.ts'
import { type Answer, parseAnswer } from './check-back.ts'
import type { Asked } from './record.ts'

/** For an answer, and no longer than until the next question. Milliseconds. */
const ANSWER_MS = 10_000
/** As many are asked at a time. */
const AT_ONCE = 32
/** An answer has no more than this. Bytes. */
const MAX_ANSWER_BYTES = 4096

export interface Question {
  readonly id: string
  /** RFC 3339. */
  readonly startedAt: string
}

export interface Answered {
  readonly answer: Answer
  /** Why it is unknown, where the producer did not say that. */
  readonly why?: string
}

/** Asks producers of prepared transactions what is to become of them. What is no answer is `unknown`. */
export class Producers {
  readonly #connection: NatsConnection
  readonly #limiter = new Limiter(AT_ONCE)

  constructor(connection: NatsConnection) {
    this.#connection = connection
  }

  /** Never rejects. @param withinMs until the next question; milliseconds */
  ask(asked: Asked, question: Question, withinMs: number): Promise<Answered> {
    const timeout = Math.min(ANSWER_MS, withinMs)
    const body = JSON.stringify(question)
    return this.#limiter.run(async () => {
      try {
        const text =
          'url' in asked ? await post(asked.url, body, timeout) : await this.#send(asked.subject, body, timeout)
        const answer = parseAnswer(text)
        return answer === undefined
          ? unknown(
              `it answered ${JSON.stringify(text.slice(0, 100))}; it has to be {"answer": "commit"}, abort or unknown`,
            )
          : { answer }
      } catch (error) {
        return unknown(error instanceof Error ? error.message : String(error))
      }
    })
  }

  async #send(subject: string, body: string, timeout: number): Promise<string> {
    const reply = checkBackAnswer(randomBytes(16).toString('hex'))
    return (await this.#connection.request(subject, body, { timeout, noMux: true, reply })).string()
  }
}

const unknown = (why: string): Answered => ({ answer: 'unknown', why })

/** Redirects are not followed: what is asked is what was named. */
async function post(url: string, body: string, timeout: number): Promise<string> {
  const answer = await request(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
    signal: AbortSignal.timeout(timeout),
  })
  let text = ''
  for await (const chunk of answer.body) {
    text += String(chunk)
    if (text.length > MAX_ANSWER_BYTES) throw new Error(`it answered more than ${MAX_ANSWER_BYTES} bytes`)
  }
  if (answer.statusCode !== 200) throw new Error(`it answered with status ${answer.statusCode}; an answer has 200`)
  return text
}
