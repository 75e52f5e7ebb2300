import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'

const MODULE_FOLDER = join(import.meta.dirname, 'nats-server')
const MODULE = 'github.com/nats-io/nats-server/v2'

/**
 * Where a nats-server is: `$NATS_SERVER`, or on PATH, or built from its Go module once and kept in the cache.
 * Throws an Error that says what to install when there is none of these.
 */
export function natsServerBinary(log: (line: string) => void = console.error): string {
  const named = process.env.NATS_SERVER
  if (named !== undefined && named !== '') {
    if (isExecutable(named)) return named
    throw new Error(`$NATS_SERVER is ${named}, which is not an executable file`)
  }
  const found = onPath('nats-server')
  if (found !== undefined) return found
  const cached = join(cacheFolder(), `nats-server-${pinnedVersion()}`, 'nats-server')
  if (!isExecutable(cached)) build(cached, log)
  return cached
}

function build(target: string, log: (line: string) => void): void {
  if (onPath('go') === undefined) {
    throw new Error(
      `nats-server was not found: install it so that it is on PATH, or name it in $NATS_SERVER, or install Go 1.26 or newer so that version ${pinnedVersion()} can be built`,
    )
  }
  log(`building nats-server ${pinnedVersion()} (about a minute, once) …`)
  mkdirSync(join(target, '..'), { recursive: true })
  const unfinished = `${target}.${process.pid}`
  const { status } = spawnSync('go', ['build', '-trimpath', '-o', unfinished, MODULE], {
    cwd: MODULE_FOLDER,
    env: { ...process.env, CGO_ENABLED: '0' },
    stdio: ['ignore', 2, 2],
  })
  if (status !== 0) throw new Error('nats-server could not be built from its Go module: see above')
  renameSync(unfinished, target)
}

/** The version in the module's go.mod: the one place where it is pinned. */
function pinnedVersion(): string {
  const version = /nats-server\/v2 (v[\d.]+)/.exec(readFileSync(join(MODULE_FOLDER, 'go.mod'), 'utf8'))?.[1]
  if (version === undefined) throw new Error(`${MODULE_FOLDER}/go.mod names no version of nats-server`)
  return version
}

const cacheFolder = (): string => join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'pillion')

const onPath = (name: string): string | undefined =>
  (process.env.PATH ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name))
    .find(isExecutable)

function isExecutable(file: string): boolean {
  if (!existsSync(file)) return false
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
