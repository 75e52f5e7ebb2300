// The sidecar container's process.
import { pino } from 'pino'
import { readConfig } from './config.ts'
import { startSidecar } from './sidecar.ts'

/** What a pod has left after SIGTERM is 30 s; the sidecar gives up on the broker before that. Milliseconds. */
const STOP_WITHIN_MS = 20_000

const logger = pino({ base: { component: 'sidecar' } })
// By itself Node prints the source line at fault too, which in a bundle is a megabyte.
process.on('uncaughtException', (error) => {
  logger.fatal({ err: error }, 'ended by an error')
  process.exit(1)
})
const { logLevel, options } = readConfig(process.env)
logger.level = logLevel

const asked = Promise.withResolvers<NodeJS.Signals>()
process.once('SIGTERM', asked.resolve)
process.once('SIGINT', asked.resolve)
// After the signals are taken: whoever reads this line may end the process.
logger.info('starting')

const sidecar = await startSidecar(options, logger)
logger.info({ httpPort: sidecar.httpPort }, 'listening')

const ready = sidecar.started.then(() => 'ready' as const)
if ((await Promise.race([ready, asked.promise])) === 'ready') logger.info('ready')

const signal = await asked.promise
logger.info({ signal }, 'stopping')
setTimeout(() => process.exit(1), STOP_WITHIN_MS).unref()
try {
  await sidecar.stop()
  process.exit(0)
} catch (error) {
  logger.error({ err: error }, 'did not stop cleanly')
  process.exit(1)
}
