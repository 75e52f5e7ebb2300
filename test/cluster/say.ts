/** Tells a person what happens; standard output is left to results. */
export function say(text: string): void {
  console.error(text)
}
