import { type JetStreamAccess, jetStreamAccess } from '../../../sidecar/jetstream/access.ts'
import { Admin } from './admin.ts'
import { startNats } from './nats.ts'

/** A real nats-server without a sidecar, for tests that take parts of one into their own hands. */
export interface BareBroker extends AsyncDisposable {
  readonly admin: Admin
  readonly js: JetStreamAccess
}

export async function startBareBroker(): Promise<BareBroker> {
  await using started = new AsyncDisposableStack()
  const nats = started.use(await startNats())
  const admin = await Admin.connect(nats.url)
  started.defer(() => admin.connection.close())
  const js = await jetStreamAccess(admin.connection)
  const owned = started.move()
  return { admin, js, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}
