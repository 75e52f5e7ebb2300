import { pino } from 'pino'
import { systemClock } from './clock.ts'
import { ConfigError, type OperatorConfig, readConfig } from './config.ts'
import { Credentials } from './kube/credentials.ts'
import { httpTransport } from './kube/transport.ts'
import { startOperator } from './operator.ts'

/** Exit status of a command that was called wrongly, as in sysexits.h. */
const EX_USAGE = 64

function configOrExit(): OperatorConfig {
  try {
    return readConfig(process.env)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    console.error(error.message)
    return process.exit(EX_USAGE)
  }
}

const config = configOrExit()
const log = pino({ level: config.logLevel, base: { name: 'pillion-operator' } })
const asked = Promise.withResolvers<NodeJS.Signals>()
process.once('SIGTERM', asked.resolve)
process.once('SIGINT', asked.resolve)
// After the signals are taken: whoever reads this line may end the process.
log.info({ ...config, version: process.env['PILLION_VERSION'] ?? 'source' }, 'starting')

try {
  const transport = httpTransport(Credentials.fromEnvironment(systemClock))
  const operator = await startOperator({ config, transport, clock: systemClock, log })
  const signal = await Promise.race([asked.promise, operator.ended])
  log.info({ signal }, 'stopping')
  await operator.stop()
  // Connections that are kept open for the next request are nothing to wait for.
  process.exit(0)
} catch (error) {
  log.fatal({ err: error }, 'the operator ended')
  process.exit(1)
}
