/** A program's path and its arguments. */
export type Command = [string, ...string[]]

/** One long-running program of the cluster, as plain data: what to start, with which files, and how to tell that it works. */
export type Component = {
  name: string
  command: Command
  /** Only these environment variables are added to PATH and HOME. */
  environment?: Record<string, string>
  /** Written before the start, by absolute path; mode 0600. */
  files?: Record<string, string>
  probe: Probe
}

/** An HTTP address that answers 200 when healthy, or a program that exits with 0. */
export type Probe = { url: string; token?: string } | { command: Command }
