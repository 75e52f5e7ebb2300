/** What is known of a lane when a pull has to be given to one. Lanes are named by their place in the list. */
export interface LaneView {
  /** Messages that could be delivered now; an estimate. */
  readonly ready: number
  /** Of those, the ones that waited longest and longer than the mode allows; 0 where ages do not matter. */
  readonly overdue: number
  /** Since when they wait. */
  readonly overdueSince: number
}

/** Which lane serves a pull, and how many messages of it. */
export interface Choice {
  readonly lane: number
  /** From 1 to what the pull asked for, and no more than the lane has ready. */
  readonly count: number
}

/** Picks for one consumer group; what it remembers is `state`. Undefined: no lane has anything, and the pull is to wait. */
export interface Picker<State> {
  readonly start: (lanes: number) => State
  readonly pick: (
    state: State,
    lanes: readonly LaneView[],
    atMost: number,
  ) => (Choice & { readonly state: State }) | undefined
  /**
   * Whether the order between lanes is promised: then one lane has to have delivered what it was asked for before another is
   * asked, since nats-server delivers from both at once.
   */
  readonly inOrder: boolean
}
