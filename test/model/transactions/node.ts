/** A process ends; what is not on its disk is gone. */
export class Crash extends Error {}

export interface Disk<State> {
  readonly known: Map<string, State>
}

export interface Node {
  readonly name: string
  /** Of the transactions that it has in memory. */
  readonly phases: readonly string[]
  /** How many more things happen before it crashes. */
  fate: number
  /** It is started again with what is on its disk. */
  crash(): void
  tick(): void
}
