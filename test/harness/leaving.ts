const actions = new Set<() => void>()
let watched = false

/**
 * Does `action` when this process exits or is ended by a signal that can be caught; what was registered last is done first.
 * Returns what takes it back.
 */
export function whenLeaving(action: () => void): () => void {
  if (!watched) watch()
  actions.add(action)
  return () => void actions.delete(action)
}

function watch(): void {
  watched = true
  process.on('exit', leave)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      leave()
      // Now that nobody listens for it any more, it ends the process.
      process.kill(process.pid, signal)
    })
  }
}

function leave(): void {
  for (const action of [...actions].toReversed()) {
    actions.delete(action)
    action()
  }
}
