/**
 * Work that waits its turn in a queue and looks at everything when it has it: who asks for it while it waits need not wait for
 * another one after it. Without this, work that takes longer than the pauses between requests would pile up, and hold up what
 * is queued behind it.
 *
 * @param enqueue runs what it is given later, when what was given before is done
 */
export function joinWaiting(
  enqueue: (work: () => Promise<void>) => Promise<void>,
  work: () => Promise<void>,
): () => Promise<void> {
  let waiting: Promise<void> | undefined
  return () => {
    waiting ??= enqueue(() => {
      waiting = undefined
      return work()
    })
    return waiting
  }
}
