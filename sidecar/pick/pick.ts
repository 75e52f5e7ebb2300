import { pickFifo } from './fifo.ts'

/** What is known of a lane when a pull has to be given to one. */
export interface LaneState {
  /** The lane's consumer. */
  readonly consumer: string
  /** Messages that could be delivered now; an estimate. */
  readonly ready: number
}

/** Which lane a pull goes to; undefined when none has anything, and the pull is to wait. */
export type Pick = (lanes: readonly LaneState[]) => LaneState | undefined

export const picks: Readonly<Record<'Fifo', Pick>> = { Fifo: pickFifo }
