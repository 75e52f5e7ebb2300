/** Runs checks by name and prints a line of JSON for each. */
export class Checks {
  failed = 0
  readonly #clean: () => Promise<void>

  /** @param clean leaves nothing of a check that failed to the next one */
  constructor(clean: () => Promise<void>) {
    this.#clean = clean
  }

  async run(name: string, test: () => Promise<string>): Promise<void> {
    let ok = true
    let detail: string
    try {
      detail = await test()
    } catch (error) {
      ok = false
      detail = error instanceof Error ? error.message : String(error)
      this.failed++
    }
    say({ check: name, ok, detail })
    if (!ok) await this.#clean().catch(() => undefined)
  }
}

/** A line for whoever runs this program. */
export const say = (line: object): void => console.log(JSON.stringify(line))

export function expect(what: string, actual: unknown, wanted: unknown): void {
  if (JSON.stringify(actual) === JSON.stringify(wanted)) return
  throw new Error(`${what} is ${JSON.stringify(actual)}, not ${JSON.stringify(wanted)}`)
}

export function expectAtLeast(what: string, actual: number, least: number): void {
  if (actual < least) throw new Error(`${what} is ${Math.round(actual)}, less than ${Math.round(least)}`)
}
