// The package's index pulls in every API class; this file alone is what reads kubeconfigs.
import { KubeConfig } from '@kubernetes/client-node/dist/config.js'
import { RequestContext } from '@kubernetes/client-node/dist/gen/http/http.js'
import { type Dispatcher, getGlobalDispatcher, request } from 'undici'
import { z } from 'zod'

const statusSchema = z.object({ message: z.string() })

/** The API server, as the user that the kubeconfig names. */
export class Kube {
  readonly #config: KubeConfig
  readonly namespace: string

  private constructor(config: KubeConfig, namespace: string | undefined) {
    this.#config = config
    this.namespace = namespace ?? config.getContextObject(config.currentContext)?.namespace ?? 'default'
  }

  /** Throws an Error where there is no cluster to talk to. */
  static fromDefault(context: string | undefined, namespace: string | undefined): Kube {
    const config = new KubeConfig()
    config.loadFromDefault()
    if (context !== undefined) config.setCurrentContext(context)
    if (config.getCurrentCluster()?.server === undefined) {
      const which = context === undefined ? 'in the kubeconfig' : `of context ${context}`
      throw new Error(`there is no cluster ${which}; set KUBECONFIG, or use --http for an embedded server`)
    }
    return new Kube(config, namespace)
  }

  async send(
    method: Dispatcher.HttpMethod,
    path: string,
    options: {
      readonly body?: string | undefined
      readonly type?: string
      readonly headers?: Record<string, string>
    } = {},
  ): Promise<{ status: number; text: string }> {
    const server = this.#config.getCurrentCluster()?.server ?? ''
    const context = new RequestContext(server, 'GET')
    await this.#config.applySecurityAuthentication(context)
    try {
      const answer = await request(`${server}${path}`, {
        method,
        headers: {
          accept: 'application/json',
          'content-type': options.type ?? 'application/json',
          ...context.getHeaders(),
          ...options.headers,
        },
        body: options.body ?? null,
        dispatcher: context.getDispatcher() ?? getGlobalDispatcher(),
      })
      return { status: answer.statusCode, text: await answer.body.text() }
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      throw new Error(`the cluster at ${server} does not answer: ${reason}`, { cause: error })
    }
  }

  /** The answer as JSON. Throws an Error with the API server's own words. */
  async ask(method: Dispatcher.HttpMethod, path: string, body?: unknown, type?: string): Promise<unknown> {
    const options = { body: body === undefined ? undefined : JSON.stringify(body), ...(type ? { type } : {}) }
    const { status, text } = await this.send(method, path, options)
    const json: unknown = JSON.parse(text)
    if (status < 300) return json
    const refused = statusSchema.safeParse(json)
    throw new Error(refused.success ? refused.data.message : `${method} ${path}: ${status}`)
  }
}
