import { readFileSync } from 'node:fs'
// The package's index pulls in every API class; this file alone is what reads kubeconfigs and service account tokens.
import { KubeConfig } from '@kubernetes/client-node/dist/config.js'
import { RequestContext } from '@kubernetes/client-node/dist/gen/http/http.js'
import { type Dispatcher, getGlobalDispatcher } from 'undici'
import type { Clock } from '../clock.ts'

/** What a request to the API server needs beside its path. */
export type Access = {
  readonly server: string
  readonly headers: Readonly<Record<string, string>>
  /** Carries the cluster's CA and client certificates. */
  readonly dispatcher: Dispatcher
}

/** What client-node falls back to where there is neither a service account nor a kubeconfig. */
const NOWHERE = 'http://localhost:8080'
/** The kubelet renews a projected token when a fifth of its life is left, so a minute is soon enough, as in client-go. */
const REREAD_MS = 60_000

/**
 * Who we are to the API server: the service account inside a cluster, else a kubeconfig ($KUBECONFIG, ~/.kube/config). Token
 * files and certificates are read again every minute and after a 401.
 */
export class Credentials {
  readonly #load: () => KubeConfig
  readonly #clock: Clock
  #config: KubeConfig
  #access: Access | undefined
  #tls = ''
  #readAt = Number.NEGATIVE_INFINITY

  constructor(load: () => KubeConfig, clock: Clock) {
    this.#load = load
    this.#clock = clock
    this.#config = load()
  }

  /** @throws Error when there is neither a service account nor a kubeconfig */
  static fromEnvironment(clock: Clock): Credentials {
    return new Credentials(() => {
      const config = new KubeConfig()
      config.loadFromDefault()
      if (config.getCurrentCluster()?.server === NOWHERE) {
        throw new Error('no cluster to talk to: run inside one, or set KUBECONFIG to a kubeconfig that is there')
      }
      return config
    }, clock)
  }

  static fromFile(file: string, clock: Clock): Credentials {
    return new Credentials(() => {
      const config = new KubeConfig()
      config.loadFromFile(file)
      return config
    }, clock)
  }

  /** @throws Error when there is no cluster to talk to, or a file that the kubeconfig names cannot be read. */
  async access(): Promise<Access> {
    if (this.#access === undefined || this.#clock.now() - this.#readAt > REREAD_MS) await this.#read()
    if (this.#access === undefined) throw new Error('credentials could not be read')
    return this.#access
  }

  /** After a 401: what is on file may be newer than what we sent. */
  forget(): void {
    this.#config = this.#load()
    this.#readAt = Number.NEGATIVE_INFINITY
  }

  async #read(): Promise<void> {
    const cluster = this.#config.getCurrentCluster()
    if (cluster === null) {
      throw new Error('no cluster to talk to: run inside one, or set KUBECONFIG to a kubeconfig with a current context')
    }
    const context = new RequestContext(cluster.server, 'GET')
    await this.#config.applySecurityAuthentication(context)
    const tls = tlsMaterial(this.#config)
    // A new dispatcher means new connections, watches included: keep the one we have while what it was made from is the same.
    const kept = tls === this.#tls ? this.#access?.dispatcher : undefined
    this.#access = {
      server: cluster.server,
      headers: context.getHeaders(),
      dispatcher: kept ?? withoutHttp2(context.getDispatcher()),
    }
    this.#tls = tls
    this.#readAt = this.#clock.now()
  }
}

/**
 * undici 8.12.4 ends an idle HTTP/2 session by an error that nothing catches, which would end the process, and watches that share one
 * session all break at once. Over HTTP/1.1 each has a connection of its own.
 */
function withoutHttp2(dispatcher: Dispatcher = getGlobalDispatcher()): Dispatcher {
  return dispatcher.compose((dispatch) => (options, handler) => {
    const http1 = { ...options, allowH2: false }
    return dispatch(http1, handler)
  })
}

function tlsMaterial(config: KubeConfig): string {
  const cluster = config.getCurrentCluster()
  const user = config.getCurrentUser()
  const files = [cluster?.caFile, user?.certFile, user?.keyFile].map((file) =>
    file === undefined || file === '' ? '' : readFileSync(file, 'utf8'),
  )
  return JSON.stringify([cluster?.server, cluster?.caData, user?.certData, user?.keyData, ...files])
}
