/** Between attempts to reach nats-server, which starts beside us. Milliseconds. */
export const RETRY_MS = 250

/** nats-server answers at once, or has ended while it was being reached: then nothing more is heard. Milliseconds. */
export const CONNECT_TIMEOUT_MS = 3000
