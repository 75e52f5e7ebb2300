const TOKEN_FILE = '/var/run/secrets/kubernetes.io/serviceaccount/token'

/** What the test pod is told by its environment; the chart's template sets it. */
export interface Settings {
  readonly apiServer: string
  readonly namespace: string
  readonly queue: string
  readonly timeoutMs: number
  /** The token of the pod's ServiceAccount. */
  readonly tokenFile: string
  readonly storage: { readonly size: string; readonly storageClassName?: string }
}

/** @throws Error that names the variable that is missing or wrong. */
export function settingsFrom(env: Readonly<Record<string, string | undefined>>): Settings {
  const required = (name: string): string => {
    const value = env[name]
    if (value === undefined || value === '') throw new Error(`${name} is not set; this program is run by helm test`)
    return value
  }
  const seconds = Number(required('PILLION_TEST_TIMEOUT_SECONDS'))
  if (!Number.isInteger(seconds) || seconds < 1) {
    throw new Error(`PILLION_TEST_TIMEOUT_SECONDS must be a whole number of seconds, 1 or more`)
  }
  const host = required('KUBERNETES_SERVICE_HOST')
  const storageClassName = env['PILLION_TEST_STORAGE_CLASS']
  return {
    apiServer: `https://${host.includes(':') ? `[${host}]` : host}:${required('KUBERNETES_SERVICE_PORT')}`,
    namespace: required('PILLION_TEST_NAMESPACE'),
    queue: required('PILLION_TEST_QUEUE'),
    timeoutMs: seconds * 1000,
    tokenFile: env['PILLION_TEST_TOKEN_FILE'] ?? TOKEN_FILE,
    storage: {
      size: required('PILLION_TEST_STORAGE_SIZE'),
      ...(storageClassName === undefined || storageClassName === '' ? {} : { storageClassName }),
    },
  }
}
