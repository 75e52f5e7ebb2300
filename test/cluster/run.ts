import { execFile } from 'node:child_process'

export type RunOptions = { input?: string; env?: Record<string, string>; cwd?: string }

/**
 * Runs a program to its end and gives its standard output.
 * @throws Error with the program's own words when it is missing or exits with a code other than 0.
 */
export function run(command: string, args: string[], options: RunOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const environment = { ...process.env, ...options.env }
    const settings = { env: environment, maxBuffer: 256 * 1024 * 1024, ...(options.cwd ? { cwd: options.cwd } : {}) }
    const child = execFile(command, args, settings, (error, stdout, stderr) => {
      if (!error) return resolve(stdout)
      const said = stderr.trim() || stdout.trim() || error.message
      reject(new Error(`${[command, ...args].join(' ')} failed: ${said}`, { cause: error }))
    })
    child.stdin?.on('error', () => undefined)
    child.stdin?.end(options.input ?? '')
  })
}

/** Whether a program runs to its end with code 0. */
export function succeeds(command: string, args: string[]): Promise<boolean> {
  return run(command, args).then(
    () => true,
    () => false,
  )
}
