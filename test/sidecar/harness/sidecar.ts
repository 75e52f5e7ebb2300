import type { ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { pino } from 'pino'
import { type Sidecar, startSidecar } from '../../../sidecar/sidecar.ts'
import { endChild, spawnChild } from '../../harness/children.ts'
import { SIDECAR_PASSWORD } from './nats.ts'

export const TOKEN = 'token-of-a-test-sidecar'
const MAIN = fileURLToPath(new URL('../../../sidecar/main.ts', import.meta.url))
/** `PILLION_LOG_LEVEL=debug` shows what the sidecars of a test say. */
const LOG_LEVEL = process.env.PILLION_LOG_LEVEL ?? 'silent'

const LAST_LINES = 20

/** A sidecar that can be ended and started again. */
export interface RunningSidecar {
  readonly url: string
  /** The process of its own; undefined when it runs in this one. */
  readonly pid: number | undefined
  /** Ends it as a pod's end does; the exit code, 0 in this process. */
  stop(): Promise<number | null>
  /** SIGKILL; only with a process of its own. */
  kill(): Promise<void>
  /** Listens on HTTP; it may be waiting for nats-server. */
  start(): Promise<void>
}

/** In this process: quick, and what it throws ends the test. */
export async function inProcess(natsUrl: string, natsPassword = SIDECAR_PASSWORD): Promise<RunningSidecar> {
  let sidecar: Sidecar
  let running = false
  const start = async (): Promise<void> => {
    sidecar = await startSidecar(
      {
        natsUrl,
        natsUser: 'sidecar',
        natsPassword,
        httpHost: '127.0.0.1',
        httpPort: 0,
        token: TOKEN,
        hasOperator: false,
      },
      pino({ level: LOG_LEVEL }),
    )
    running = true
  }
  await start()
  return {
    get url() {
      return `http://127.0.0.1:${sidecar.httpPort}`
    },
    pid: undefined,
    start,
    stop: async () => {
      if (running) await sidecar.stop()
      running = false
      return 0
    },
    kill: () => Promise.reject(new Error('a sidecar in this process cannot be killed')),
  }
}

/** As in a pod: a process of its own, with its settings in the environment. */
export async function ownProcess(natsUrl: string): Promise<RunningSidecar> {
  let child: ChildProcess
  let port = 0
  /** The last lines, for whoever looks for why it ended badly. */
  let said: string[] = []
  const start = async (): Promise<void> => {
    child = spawnChild(process.execPath, [MAIN], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        ...process.env,
        PILLION_NATS_URL: natsUrl,
        PILLION_NATS_USER: 'sidecar',
        PILLION_NATS_PASSWORD: SIDECAR_PASSWORD,
        PILLION_TOKEN: TOKEN,
        PILLION_HTTP_HOST: '127.0.0.1',
        PILLION_HTTP_PORT: '0',
        PILLION_LOG_LEVEL: LOG_LEVEL === 'silent' ? 'info' : LOG_LEVEL,
      },
    })
    said = []
    port = await listening(child, (line) => said.push(line) > LAST_LINES && said.shift())
  }
  await start()
  return {
    get url() {
      return `http://127.0.0.1:${port}`
    },
    get pid() {
      return child.pid
    },
    start,
    stop: async () => {
      await endChild(child, 'SIGTERM')
      if (child.exitCode !== 0) console.error(`the sidecar ended with ${child.exitCode}:\n${said.join('\n')}`)
      return child.exitCode
    },
    kill: () => endChild(child, 'SIGKILL'),
  }
}

function listening(child: ChildProcess, heard: (line: string) => void): Promise<number> {
  return new Promise((done, fail) => {
    if (child.stdout === null) return fail(new Error('no standard output'))
    child.once('exit', (code) => fail(new Error(`the sidecar ended with ${code ?? 'a signal'} before it listened`)))
    createInterface(child.stdout).on('line', (line) => {
      heard(line)
      if (LOG_LEVEL !== 'silent') console.log(line)
      const port = /"httpPort":(\d+)/.exec(line)?.[1]
      if (port !== undefined) done(Number(port))
    })
  })
}
