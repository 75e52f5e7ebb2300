import { connect, type NatsConnection } from '@nats-io/transport-node'

/** Does something with a connection, which ends with it. $NATS_USER and $NATS_PASSWORD say as whom. */
export async function connected<T>(url: string, work: (connection: NatsConnection) => Promise<T>): Promise<T> {
  const { NATS_USER: user, NATS_PASSWORD: pass } = process.env
  const connection = await connect({
    servers: url,
    name: 'pillion',
    ...(user ? { user, pass: pass ?? '' } : {}),
  }).catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error)
    throw new Error(`${url} does not answer (${reason}); start it with npm start, or name another with --server`, {
      cause: error,
    })
  })
  try {
    return await work(connection)
  } finally {
    await connection.drain()
  }
}
