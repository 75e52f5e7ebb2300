/**
 * What a check may expect of a Queue only because of its mode: the README's table of modes, in the terms of the client programs,
 * which get it as an argument. `{queue}` stands for the Queue's name, `{n}` for the number of a message within its check, from 0.
 */
export interface Traits {
  /** Message n is published to place n, modulo their number, and found under the subject that it is stored as. */
  readonly places: ReadonlyArray<{ readonly publish: string; readonly stored: string }>
  /** A subject that the mode has no use for. */
  readonly refused: string
  /** In which order messages 0 … 9 are delivered that all wait; null: only those of one place have one, as they were published. */
  readonly order: readonly number[] | null
  /** Messages that may be in flight at once, where each place has one at least; of one place, 1 where a failed message blocks. */
  readonly inFlight: number
  /** A message that failed keeps its place while others may go on, blocks those after it in its place, or goes to the tail. */
  readonly failed: 'keeps' | 'blocks' | 'tail'
  /** Whether what a consumer held that vanished comes before anything that was published since, to whatever place. */
  readonly vanishedFirst: boolean
}
