import { execFile } from 'node:child_process'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Agent, request } from 'undici'
import { afterAll, beforeAll, vi } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { API_VERSION } from '../../crds/index.ts'
import { binary } from '../cluster/binaries.ts'
import { type ControlPlane, type ControlPlaneOptions, startControlPlane } from '../cluster/control-plane.ts'
import { type Manifest, manifestSchema } from './manifest.ts'

const generated = join(import.meta.dirname, '../../crds/generated')
const crdFiles = ['pillion.dev_queues.yaml', 'pillion.dev_queuebrokers.yaml', 'pillion.dev_queueoperations.yaml']

/** What the API server answered: the object, or a Status that says why not. */
export type Answer = { status: number; body: Record<string, unknown> }

/** One reason of a refusal. */
export type Cause = { field: string; message: string }

const statusSchema = z.object({
  message: z.string(),
  details: z.object({ causes: z.array(z.object({ field: z.string(), message: z.string() })).optional() }).optional(),
})

// Said beside other causes whenever the schema is broken, since CEL is not run then.
const unchecked =
  'Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation'

/** Why a request was refused: the causes by field, or, where the API server names none, its whole message with no field. */
export function causesOf({ status, body }: Answer): Cause[] {
  if (status < 400) return []
  const { message, details } = statusSchema.parse(body)
  const causes = details?.causes ?? [{ field: '', message }]
  return causes.filter((cause) => cause.message !== unchecked)
}

const kubeconfigSchema = z.object({
  clusters: z.tuple([
    z.object({ cluster: z.object({ server: z.string(), 'certificate-authority-data': z.string() }) }),
  ]),
  users: z.tuple([z.object({ user: z.object({ token: z.string() }) })]),
})

/** A real API server that has the CRDs, for the tests of one file. */
export class ApiServer {
  readonly #plane: ControlPlane
  readonly #cache: string
  readonly #url: string
  readonly #token: string
  readonly #agent: Agent

  constructor(plane: ControlPlane, kubeconfig: z.output<typeof kubeconfigSchema>) {
    const { server, 'certificate-authority-data': ca } = kubeconfig.clusters[0].cluster
    this.#plane = plane
    this.#cache = join(plane.kubeconfig, '../kubectl-cache')
    this.#url = server
    this.#token = kubeconfig.users[0].user.token
    this.#agent = new Agent({ connect: { ca: Buffer.from(ca, 'base64').toString() } })
  }

  async send(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown): Promise<Answer> {
    const answer = await request(`${this.#url}${path}`, {
      method,
      dispatcher: this.#agent,
      headers: { authorization: `Bearer ${this.#token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return { status: answer.statusCode, body: z.record(z.string(), z.unknown()).parse(await answer.body.json()) }
  }

  /** Makes an object as kubectl does, with unknown fields refused. */
  create(manifest: Manifest, options: { dryRun?: boolean } = {}): Promise<Answer> {
    const dryRun = options.dryRun === true ? '&dryRun=All' : ''
    return this.send('POST', `${collection(manifest.kind)}?fieldValidation=Strict${dryRun}`, manifest)
  }

  /** Puts a manifest in the place of what is stored under its name. */
  async replace(manifest: Manifest, subresource = ''): Promise<Answer> {
    const { kind, metadata } = manifest
    const stored = await this.stored(kind, metadata.name)
    const body = { ...manifest, metadata: { ...metadata, resourceVersion: stored.metadata['resourceVersion'] } }
    return this.send('PUT', `${collection(kind)}/${metadata.name}${subresource}?fieldValidation=Strict`, body)
  }

  /** An object as it is stored. */
  async stored(kind: string, name: string): Promise<Manifest> {
    const { body } = await this.send('GET', `${collection(kind)}/${name}`)
    return manifestSchema.parse(body)
  }

  delete(kind: string, name: string, options: { dryRun?: boolean } = {}): Promise<Answer> {
    return this.send('DELETE', `${collection(kind)}/${name}${options.dryRun === true ? '?dryRun=All' : ''}`)
  }

  /** Output of kubectl, or what it wrote to standard error if it failed. */
  async kubectl(...parameters: string[]): Promise<string> {
    const options = ['--kubeconfig', this.#plane.kubeconfig, '--cache-dir', this.#cache]
    const { stdout } = await promisify(execFile)(await binary('kubectl'), [...options, ...parameters])
    return stdout
  }

  /** Once kubectl can find all kinds: an API server publishes what kinds it has a while after it says that they are established. */
  async published(): Promise<void> {
    const listed = async (path: string, says: (kind: string) => string): Promise<boolean> => {
      const headers = { authorization: `Bearer ${this.#token}` }
      const { body } = await request(`${this.#url}${path}`, { dispatcher: this.#agent, headers })
      const text = await body.text()
      return ['Queue', 'QueueBroker', 'QueueOperation'].every((kind) => text.includes(says(kind)))
    }
    const all = async (): Promise<boolean> =>
      (await listed(`/apis/${API_VERSION}`, (kind) => `"kind":"${kind}"`)) &&
      (await listed(`/openapi/v3/apis/${API_VERSION}`, (kind) => `/${kind.toLowerCase()}s/{name}`))
    await vi.waitUntil(all, { timeout: 60_000, interval: 50 })
    // What kubectl kept from before then is stale.
    await rm(this.#cache, { recursive: true, force: true })
  }

  async stop(): Promise<void> {
    await this.#agent.close()
    await this.#plane.stop()
  }
}

/** The path of the objects of a kind in the namespace `default`. */
export function collection(kind: string): string {
  return `/apis/${API_VERSION}/namespaces/default/${kind.toLowerCase()}s`
}

/** Starts an API server before the tests of a file and stops it after them. */
export function useApiServer(options: ControlPlaneOptions = {}): () => ApiServer {
  let server: ApiServer | undefined
  beforeAll(async () => {
    const plane = await startControlPlane(options)
    const kubeconfig = kubeconfigSchema.parse(parse(await readFile(plane.kubeconfig, 'utf8')))
    server = new ApiServer(plane, kubeconfig)
    for (const file of crdFiles) await server.kubectl('apply', '--server-side', '--filename', join(generated, file))
    const names = ['queues', 'queuebrokers', 'queueoperations'].map((plural) => `crd/${plural}.pillion.dev`)
    await server.kubectl('wait', '--for=condition=Established', '--timeout=60s', ...names)
    await server.published()
  }, 15 * 60_000)
  afterAll(async () => {
    await server?.stop()
  })
  return () => {
    if (server === undefined) throw new Error('the API server is there from beforeAll on')
    return server
  }
}
