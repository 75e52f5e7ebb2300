export const LANGUAGES = ['js', 'go', 'python'] as const
export type Language = (typeof LANGUAGES)[number]

/** A program ready to be run: what to call and the arguments that come before those of the checks. */
export interface Program {
  readonly command: string
  readonly args: readonly string[]
}
