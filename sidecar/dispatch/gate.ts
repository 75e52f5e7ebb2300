/** Says which pulls of a group may be served; the others wait. */
export interface Gate {
  /** Whether a pull that is answered at `reply` may be served; undefined while that is not known yet. */
  admits(reply: string): boolean | undefined
  /** A pull came. */
  arrived(reply: string): void
}
