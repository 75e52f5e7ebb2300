/** The program of the `helm test` pod: makes a Queue, sends messages through it, and deletes it. Exits with 1 if any of it fails. */
import { readFile } from 'node:fs/promises'
import { QueueApi } from './queue-api.ts'
import { roundTrip } from './round-trip.ts'
import { type Settings, settingsFrom } from './settings.ts'

const MESSAGES = 10
/** For the part that needs no pod to start, and for cleaning up. */
const SHORT_MS = 30_000

async function sendAndReceive(api: QueueApi, { namespace, queue, storage }: Settings): Promise<void> {
  await api.create({
    broker: { storage },
    // What JetStream sets aside has to fit on a volume of any size that a broker may have.
    retention: { maxBytes: '8Mi' },
    deadLetter: { maxBytes: '8Mi' },
    deletionPolicy: 'Delete',
  })
  console.log(`created Queue ${queue} in namespace ${namespace}`)
  await api.ready()
  console.log('it is Ready')
  await roundTrip({ broker: await api.credentials(), queue, messages: MESSAGES, timeoutMs: SHORT_MS })
  console.log(`published ${MESSAGES} messages to q.${queue}; received and acknowledged all of them as group workers`)
}

async function cleanUp(api: QueueApi, { queue }: Settings): Promise<void> {
  await api.delete()
  console.log(`deleted Queue ${queue}`)
}

const settings = settingsFrom(process.env)
const token = (await readFile(settings.tokenFile, 'utf8')).trim()
const apiWithin = (ms: number) => new QueueApi({ ...settings, token, signal: AbortSignal.timeout(ms) })

const report = (error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
await sendAndReceive(apiWithin(settings.timeoutMs), settings).catch(report)
await cleanUp(apiWithin(SHORT_MS), settings).catch(report)
