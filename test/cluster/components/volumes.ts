import type { Component } from '../component.ts'

export type VolumesOptions = {
  program: string
  script: string
  directory: string
  nodeName: string
  server: string
  ca: string
  tokenPath: string
  token: string
  healthPort: number
}

/** The dynamic provisioner of local volumes (`volumes/main.ts`). */
export function volumes(options: VolumesOptions): Component {
  const { program, script, directory, nodeName, server, ca, tokenPath, token, healthPort } = options
  const settings = { directory, nodeName, server, ca, tokenPath, healthPort }
  return {
    name: 'volumes',
    command: [program, script, JSON.stringify(settings)],
    files: { [tokenPath]: token },
    probe: { url: `http://127.0.0.1:${healthPort}/healthz` },
  }
}
