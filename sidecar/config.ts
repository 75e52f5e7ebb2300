import { z } from 'zod'
import type { SidecarOptions } from './sidecar.ts'

const schema = z
  .object({
    PILLION_NATS_URL: z.string().min(1),
    PILLION_NATS_USER: z.string().min(1),
    PILLION_NATS_PASSWORD: z.string().min(1),
    PILLION_HTTP_HOST: z.string().min(1).default('127.0.0.1'),
    PILLION_HTTP_PORT: z.coerce.number().int().min(0).max(65_535).default(8080),
    PILLION_TOKEN: z.string().min(16, 'has to have 16 characters at least'),
    PILLION_STORE_LIMIT_BYTES: z.coerce.number().int().positive().optional(),
    PILLION_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error']).default('info'),
  })
  .transform((env) => ({
    logLevel: env.PILLION_LOG_LEVEL,
    options: {
      natsUrl: env.PILLION_NATS_URL,
      natsUser: env.PILLION_NATS_USER,
      natsPassword: env.PILLION_NATS_PASSWORD,
      httpHost: env.PILLION_HTTP_HOST,
      httpPort: env.PILLION_HTTP_PORT,
      token: env.PILLION_TOKEN,
      hasOperator: true,
      storeLimitBytes: env.PILLION_STORE_LIMIT_BYTES,
    } satisfies SidecarOptions,
  }))

export type SidecarConfig = z.infer<typeof schema>

/** Reads the environment of the sidecar container. Throws an Error that names every variable that is missing or wrong. */
export function readConfig(env: NodeJS.ProcessEnv): SidecarConfig {
  const parsed = schema.safeParse(env)
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`)
  throw new Error(`the environment is not complete: ${problems.join('; ')}`)
}
