import { createInterface } from 'node:readline'
import { z } from 'zod'
import { exited, spawnChild } from '../harness/children.ts'
import { goClient } from './go.ts'
import { javascriptClient } from './javascript.ts'
import type { Language, Program } from './language.ts'
import { pythonClient } from './python.ts'

const checkSchema = z.object({ check: z.string(), ok: z.boolean(), detail: z.string() })
/** What one check of a client program came to. */
export type Check = z.infer<typeof checkSchema>

export interface Target {
  /** nats://host:port */
  readonly url: string
  readonly user?: string
  readonly password?: string
  /** An empty Queue that nobody else uses. A short visibilityTimeout makes the checks short: two of them wait it out. */
  readonly queue: string
  readonly group?: string
}

const PREPARE: Readonly<Record<Language, () => Promise<Program>>> = {
  js: javascriptClient,
  go: goClient,
  python: pythonClient,
}

/** Builds or installs what the client program of `language` needs. Done by `runClient` too; here, so that its time shows apart. */
export async function prepareClient(language: Language): Promise<void> {
  await PREPARE[language]()
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
  const { command, args } = await PREPARE[language]()
  const options = {
    server: target.url,
    queue: target.queue,
    group: target.group,
    user: target.user,
    password: target.password,
  }
  const given = Object.entries(options).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, value]))
  const child = spawnChild(command, [...args, ...given], { stdio: ['ignore', 'pipe', 'inherit'] })
  if (child.stdout === null) throw new Error('no standard output')
  const checks: Check[] = []
  for await (const line of createInterface(child.stdout)) {
    const check = checkSchema.parse(JSON.parse(line))
    checks.push(check)
    onCheck(check)
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
