import type { Entry } from './entry.ts'

/** Whether its answer depends on what other brokers are asked. */
const isUnderWay = ({ isOver, record: { coordinator }, calls }: Entry): boolean =>
  !isOver && (coordinator?.phase === 'preparing' || (coordinator?.phase === 'committing' && calls.size > 0))

/** Resolves when other brokers have said what they were asked for a transaction, or after so long. @param withinMs milliseconds */
export async function heardOthers(entry: Entry, withinMs: number): Promise<void> {
  const until = performance.now() + withinMs
  while (isUnderWay(entry) && performance.now() < until) {
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer)
        entry.watchers.delete(done)
        resolve()
      }
      const timer = setTimeout(done, until - performance.now())
      entry.watchers.add(done)
    })
  }
}
