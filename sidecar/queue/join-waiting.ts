/**
 * Work that waits its turn in a queue and looks at everything when it has it: who asks for it while it waits need not wait for
 * another one after it. Without this, work that takes longer than the pauses between requests would pile up, and hold up what
 * is queued behind it.
 *
 * @param enqueue runs what it is given later, when what was given before is done
 */
export function joinWaiting<T>(
  enqueue: (work: () => Promise<T>) => Promise<T>,
  work: () => Promise<T>,
): () => Promise<T> {
  let waiting: Promise<T> | undefined
  return () => {
    waiting ??= enqueue(() => {
      waiting = undefined
      return work()
    })
    return waiting
  }
}
