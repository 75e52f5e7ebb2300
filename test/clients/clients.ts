import { createInterface } from 'node:readline'
import { z } from 'zod'
import { exited, spawnChild } from '../harness/children.ts'
import { goClient } from './go.ts'
import { javascriptClient } from './javascript.ts'
import type { Language, Program } from './language.ts'
import { CLIENT_MODES, type ClientModeName } from './modes.ts'
import { startProxy } from './proxy.ts'
import { pythonClient } from './python.ts'

const checkSchema = z.object({ check: z.string(), ok: z.boolean(), detail: z.string() })
/** What one check of a client program came to. */
export type Check = z.infer<typeof checkSchema>

/** A line of a client program's output: a check, or that the connections through the proxy are to be cut now. */
const lineSchema = z.union([checkSchema, z.object({ cut: z.literal(true) })])

export interface Target {
  /** nats://host:port */
  readonly url: string
  readonly user?: string
  readonly password?: string
  /** An empty Queue that nobody else uses. A short visibilityTimeout makes the checks short: several of them wait it out. */
  readonly queue: string
  readonly group?: string
  /** The Queue's mode; left out: Fifo. */
  readonly mode?: ClientModeName
  /** An empty Queue of the same mode with the groups `workers` and `audit`; left out: a second group is not checked. */
  readonly pair?: string
}

const PREPARE: Readonly<Record<Language, () => Promise<Program>>> = {
  js: javascriptClient,
  go: goClient,
  python: pythonClient,
}

const prepared = new Map<Language, Promise<Program>>()

/** Builds or installs what the client program of `language` needs, once. Done by `runClient` too; here, so that its time shows apart. */
export function prepareClient(language: Language): Promise<Program> {
  const program = prepared.get(language) ?? PREPARE[language]()
  prepared.set(language, program)
  return program
}

/**
 * Runs the client program of `language` against a Queue and returns its checks, in order.
 *
 * @throws Error when the program cannot be built, cannot connect, or ends in any way but having done its checks.
 */
export async function runClient(
  language: Language,
  target: Target,
  onCheck: (check: Check) => void = () => undefined,
): Promise<Check[]> {
  const { command, args } = await prepareClient(language)
  await using proxy = await startProxy(target.url)
  const options = {
    server: target.url,
    proxy: proxy.url,
    queue: target.queue,
    pair: target.pair,
    group: target.group,
    user: target.user,
    password: target.password,
    traits: JSON.stringify(CLIENT_MODES[target.mode ?? 'Fifo'].traits),
  }
  const given = Object.entries(options).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, value]))
  const child = spawnChild(command, [...args, ...given], { stdio: ['ignore', 'pipe', 'inherit'] })
  if (child.stdout === null) throw new Error('no standard output')
  const checks: Check[] = []
  for await (const text of createInterface(child.stdout)) {
    const line = lineSchema.parse(JSON.parse(text))
    if ('cut' in line) await proxy.cut()
    else {
      checks.push(line)
      onCheck(line)
    }
  }
  await exited(child)
  const wanted = checks.every(({ ok }) => ok) ? 0 : 1
  if (child.exitCode !== wanted || checks.length === 0) {
    throw new Error(
      `the ${language} client ended with ${child.signalCode ?? child.exitCode} after ${checks.length} checks`,
    )
  }
  return checks
}
