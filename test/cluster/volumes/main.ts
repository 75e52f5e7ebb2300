/**
 * The cluster's dynamic provisioner: a folder of the machine for each claim of the class `standard`, which grows when
 * the claim asks for more (the size is a number only: nothing limits what is written).
 *
 * Kubernetes' own host-path provisioner makes volumes that only root can write to and that do not grow.
 */
import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { Api, type ApiSettings } from './api.ts'
import { apply, type ApplySettings, volumesPath } from './apply.ts'
import { type Claim, plan, type Volume } from './plan.ts'

type Settings = ApiSettings & ApplySettings & { healthPort: number }

const claimsPath = '/api/v1/persistentvolumeclaims'
const retryAfter = 1000
const resyncAfter = 30_000

const settings: Settings = JSON.parse(process.argv[2] ?? '{}')
const api = new Api(settings)
let healthy = false
let wake = () => {}

createServer((_request, response) => {
  response.writeHead(healthy ? 200 : 503).end()
}).listen(settings.healthPort, '127.0.0.1')
process.on('SIGTERM', () => process.exit(0))

void follow(claimsPath)
void follow(volumesPath)
for (;;) {
  const woken = new Promise<void>((resolve) => {
    wake = resolve
  })
  healthy = await synchronize().then(
    () => true,
    (error: unknown) => {
      console.error(new Date().toISOString(), String(error))
      return false
    },
  )
  await (healthy ? Promise.race([woken, sleep(resyncAfter)]) : sleep(retryAfter))
}

async function synchronize(): Promise<void> {
  const claims: { items: Claim[] } = JSON.parse(await api.get(claimsPath))
  const volumes: { items: Volume[] } = JSON.parse(await api.get(volumesPath))
  for (const action of plan(claims.items, volumes.items)) {
    const { name } = action.kind === 'remove' ? action.volume.metadata : action.claim.metadata
    console.log(new Date().toISOString(), action.kind, name)
    await apply(action, api, settings)
  }
}

/** Wakes the loop at every change; a watch that ends is begun again from a new list. */
async function follow(path: string): Promise<never> {
  for (;;) {
    try {
      const list: { metadata: { resourceVersion: string } } = JSON.parse(await api.get(path))
      wake()
      await api.watch(path, list.metadata.resourceVersion, () => wake())
    } catch {
      await sleep(retryAfter)
    }
  }
}
