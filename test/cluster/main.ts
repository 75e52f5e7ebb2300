import { parseArgs } from 'node:util'
import { join } from 'node:path'
import { down } from './down.ts'
import { kindDown, kindLoad, kindUp } from './kind/kind.ts'
import { load } from './load.ts'
import { withLock } from './lock.ts'
import { cacheRoot } from './paths.ts'
import { restart } from './restart.ts'
import { say } from './say.ts'
import { renderStatus, status } from './status.ts'
import { up } from './up.ts'

const usage = `npm run cluster -- <command>
  up                    start the local one-node Kubernetes, or what of it is not running
  down                  end it and leave the machine as it was (packages and caches stay)
  status                a table of its components; exit code 1 unless all are healthy
  load [image ...]      build the project's images, or those named (operator, sidecar, nats-server), and give them to the cluster
  restart <component>   end one component and start it again; --kill: by SIGKILL
up, down and load take --kind: the same on kind, for users with Docker on Linux`

/** How many arguments a command takes besides its own name; none unless told. */
const allowed: Record<string, number> = { restart: 1, load: Number.POSITIVE_INFINITY }

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { kind: { type: 'boolean', default: false }, kill: { type: 'boolean', default: false } },
  })
  const [command = '', ...rest] = positionals
  if (rest.length > (allowed[command] ?? 0)) throw new Error(`too many arguments: ${rest.join(' ')}\n${usage}`)
  switch (command) {
    case 'up':
      return values.kind ? kindUp() : alone(up)
    case 'down':
      return values.kind ? kindDown() : alone(down)
    case 'load':
      return values.kind ? kindLoad(rest) : alone(() => load(rest))
    case 'restart':
      return alone(() => restart(rest[0] ?? '', values.kill ? 'SIGKILL' : 'SIGTERM'))
    case 'status': {
      const rows = await status()
      console.log(renderStatus(rows))
      if (!rows.every(({ healthy }) => healthy)) process.exitCode = 1
      return
    }
    default:
      throw new Error(command ? `there is no command "${command}"\n${usage}` : usage)
  }
}

function alone(work: () => Promise<void>): Promise<void> {
  if (process.platform !== 'linux')
    throw new Error('the local cluster runs on Linux only; elsewhere run it in a virtual machine')
  if (process.getuid?.() !== 0)
    throw new Error('the local cluster needs root: it makes network interfaces, mounts and control groups')
  return withLock(
    join(cacheRoot, 'cluster.lock'),
    () => say('another process works on the cluster; waiting for it'),
    work,
  )
}

try {
  await main()
} catch (error) {
  say(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
}
