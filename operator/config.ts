import { isIP } from 'node:net'
import { parseDuration } from '../crds/index.ts'

/** How the operator calls a broker's sidecar. */
export const REACHES = ['Service', 'ApiServerProxy'] as const
export type Reach = (typeof REACHES)[number]
const PULL_POLICIES = ['Always', 'IfNotPresent', 'Never'] as const
const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const

export type OperatorConfig = {
  readonly sidecarImage: string
  readonly natsImage: string
  readonly imagePullPolicy: (typeof PULL_POLICIES)[number] | undefined
  /** Time between two looks at everything, in milliseconds. */
  readonly resyncMs: number
  /** Where the operator runs, and its Lease is. */
  readonly namespace: string
  /** Empty: all. */
  readonly watchNamespaces: readonly string[]
  readonly reach: Reach
  /** Address that /healthz, /readyz and /metrics listen on. */
  readonly httpHost: string
  /** 0: any that is free. */
  readonly httpPort: number
  readonly logLevel: (typeof LOG_LEVELS)[number]
}

/** Says everything that is wrong with the environment at once. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

const MIN_RESYNC_MS = 1000
const MAX_RESYNC_MS = 3_600_000
const NAMESPACE = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/

/** @throws ConfigError when a variable is missing or cannot be read */
export function readConfig(env: Readonly<Record<string, string | undefined>>): OperatorConfig {
  const problems: string[] = []
  const wrong = (name: string, what: string): void => {
    problems.push(`${name}: ${what}; it is ${JSON.stringify(env[name] ?? '')}`)
  }
  const text = (name: string): string | undefined => {
    const value = env[name]?.trim()
    return value === '' ? undefined : value
  }
  const required = (name: string, what: string): string => {
    const value = text(name)
    if (value === undefined) wrong(name, what)
    return value ?? ''
  }
  const oneOf = <const T extends string>(name: string, values: readonly T[]): T | undefined => {
    const value = text(name)
    const known = values.find((candidate) => candidate === value)
    if (value !== undefined && known === undefined) wrong(name, `must be one of ${values.join(', ')}`)
    return known
  }
  const duration = (name: string, fallback: number): number => {
    const value = text(name)
    if (value === undefined) return fallback
    try {
      const ms = parseDuration(value)
      if (ms >= MIN_RESYNC_MS && ms <= MAX_RESYNC_MS) return ms
    } catch {
      // Told below, with the range.
    }
    wrong(name, 'must be a duration from 1s to 1h, written like 30s or 5m')
    return fallback
  }
  const port = (name: string, fallback: number): number => {
    const value = text(name)
    if (value === undefined) return fallback
    if (/^[0-9]{1,5}$/.test(value) && Number(value) <= 65_535) return Number(value)
    wrong(name, 'must be a port from 0 (any) to 65535')
    return fallback
  }
  const address = (name: string, fallback: string): string => {
    const value = text(name) ?? fallback
    if (isIP(value) === 0) wrong(name, 'must be an IP address, such as 0.0.0.0 or 127.0.0.1')
    return value
  }
  const namespaces = (name: string): string[] => {
    const names = (text(name) ?? '')
      .split(',')
      .map((one) => one.trim())
      .filter((one) => one !== '')
    for (const one of names) {
      if (!NAMESPACE.test(one)) wrong(name, `must be names of namespaces, separated by commas; ${one} is none`)
    }
    return [...new Set(names)]
  }

  const config: OperatorConfig = {
    sidecarImage: required('PILLION_SIDECAR_IMAGE', 'must name the image of the sidecar'),
    natsImage: required('PILLION_NATS_IMAGE', 'must name the image of nats-server'),
    imagePullPolicy: oneOf('PILLION_IMAGE_PULL_POLICY', PULL_POLICIES),
    resyncMs: duration('PILLION_RESYNC', 30_000),
    namespace: required('PILLION_NAMESPACE', 'must name the namespace that the operator runs in, for its Lease'),
    watchNamespaces: namespaces('PILLION_WATCH_NAMESPACES'),
    reach: oneOf('PILLION_REACH', REACHES) ?? 'Service',
    httpHost: address('PILLION_HTTP_HOST', '0.0.0.0'),
    httpPort: port('PILLION_HTTP_PORT', 8080),
    logLevel: oneOf('PILLION_LOG_LEVEL', LOG_LEVELS) ?? 'info',
  }
  if (problems.length > 0) throw new ConfigError(`the operator cannot start:\n- ${problems.join('\n- ')}`)
  return config
}
