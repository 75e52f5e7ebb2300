import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const HARNESS = fileURLToPath(new URL('.', import.meta.url))

/** Starts a temporary folder, a child, and a child of that child, and says their names; then does `then`. */
const program = (then: string): string => `
import { spawnChild } from '${HARNESS}children.ts'
import { tempFolder } from '${HARNESS}temp-folder.ts'
const folder = await tempFolder('leaving')
const child = spawnChild('sh', ['-c', 'sleep 600 & echo $! ; wait'], { stdio: ['ignore', 'pipe', 'inherit'] })
child.stdout.once('data', (data) => {
  console.log(JSON.stringify({ path: folder.path, pids: [child.pid, Number(data)] }))
  ${then}
})
`

/** A killed process may stay as a zombie where nobody waits for it. */
const alive = (pid: number): boolean =>
  /^[^Z]/.test(
    spawnSync('ps', ['-o', 'stat=', '-p', String(pid)])
      .stdout.toString()
      .trim(),
  )

test.each([
  ['it exits', 'process.exit(3)', undefined, 3, null],
  ['it throws', 'throw new Error("on purpose")', undefined, 1, null],
  ['SIGTERM', '', 'SIGTERM', null, 'SIGTERM'],
  ['SIGINT', '', 'SIGINT', null, 'SIGINT'],
] as const)(
  'children, their children and folders go with the process: %s',
  { timeout: 60_000 },
  async (_, then, send, ...end) => {
    const parent = spawn(process.execPath, ['--input-type=module', '-e', program(then)], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const ended = once(parent, 'exit')
    for await (const line of createInterface(parent.stdout)) {
      const { path, pids }: { path: string; pids: number[] } = JSON.parse(line)
      if (send !== undefined) parent.kill(send)
      expect(await ended).toEqual(end)
      expect(existsSync(path)).toBe(false)
      while (pids.some(alive)) await delay(50)
      return
    }
    expect.unreachable()
  },
)
