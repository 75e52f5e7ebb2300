import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:https'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import type { IncomingMessage } from 'node:http'

export type ApiSettings = { server: string; ca: string; tokenPath: string }

/** Just enough of the Kubernetes API for a provisioner, with little memory. */
export class Api {
  readonly #server: string
  readonly #token: string
  readonly #agent: Agent

  constructor({ server, ca, tokenPath }: ApiSettings) {
    this.#server = server
    this.#token = readFileSync(tokenPath, 'utf8')
    this.#agent = new Agent({ ca: readFileSync(ca), keepAlive: true })
  }

  /** The answer's JSON text. */
  async get(path: string): Promise<string> {
    return this.#call('GET', path)
  }

  async create(path: string, object: object): Promise<void> {
    await this.#call('POST', path, object, 'application/json')
  }

  async merge(path: string, patch: object): Promise<void> {
    await this.#call('PATCH', path, patch, 'application/merge-patch+json')
  }

  async remove(path: string): Promise<void> {
    await this.#call('DELETE', path)
  }

  /** Calls `onEvent` at each change after `version`, until the server ends the watch, which it does now and then. */
  async watch(path: string, version: string, onEvent: () => void): Promise<void> {
    const response = await this.#send('GET', `${path}?watch=1&timeoutSeconds=300&resourceVersion=${version}`)
    if (response.statusCode !== 200) throw new Error(`watching ${path}: ${response.statusCode} ${await text(response)}`)
    for await (const _line of createInterface({ input: response })) onEvent()
  }

  async #call(method: string, path: string, body?: object, type?: string): Promise<string> {
    const response = await this.#send(method, path, body, type)
    const answer = await text(response)
    const code = response.statusCode ?? 0
    const doneBefore = (method === 'POST' && code === 409) || (method === 'DELETE' && code === 404)
    if (code >= 300 && !doneBefore) throw new Error(`${method} ${path}: ${code} ${answer}`)
    return answer
  }

  #send(method: string, path: string, body?: object, type?: string): Promise<IncomingMessage> {
    const headers = { authorization: `Bearer ${this.#token}`, ...(type ? { 'content-type': type } : {}) }
    return new Promise((resolve, reject) => {
      const options = { method, headers, agent: this.#agent }
      request(`${this.#server}${path}`, options, resolve)
        .on('error', reject)
        .end(body && JSON.stringify(body))
    })
  }
}
