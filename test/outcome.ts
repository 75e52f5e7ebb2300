import { stripVTControlCharacters } from 'node:util'
import { z } from 'zod'

/** What became of one suite. */
export interface Outcome {
  readonly passed: number
  readonly failed: readonly string[]
  readonly skipped: readonly string[]
}

const report = z.object({
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      message: z.string().optional(),
      assertionResults: z.array(
        z.object({ fullName: z.string(), status: z.string(), failureMessages: z.array(z.string()).nullish() }),
      ),
    }),
  ),
})

/** Reads vitest's JSON report. A file that could not be loaded, or a runner that ended badly without one, is a failure too. */
export function readOutcome(suite: string, exitCode: number, json: string | undefined): Outcome {
  if (json === undefined)
    return { passed: 0, failed: [`${suite}: the runner ended with ${exitCode} and no report`], skipped: [] }
  const { testResults } = report.parse(JSON.parse(json))
  const failed: string[] = []
  const skipped: string[] = []
  let passed = 0
  for (const file of testResults) {
    for (const { fullName, status, failureMessages } of file.assertionResults) {
      const name = `${suite}: ${fullName}`
      if (status === 'passed') passed++
      else if (status === 'failed') failed.push([name, ...(failureMessages ?? []).map(excerpt)].join('\n'))
      else skipped.push(name)
    }
    if (file.status === 'failed' && !file.assertionResults.some(({ status }) => status === 'failed')) {
      failed.push(`${suite}: ${file.name} ${file.message ?? ''}`.trim())
    }
  }
  if (exitCode !== 0 && failed.length === 0) failed.push(`${suite}: the runner ended with ${exitCode}`)
  return { passed, failed, skipped }
}

/** What of a failure is told at the end, where somebody who only has the last lines can read it. Characters. */
const EXCERPT = 700

/** The beginning of what a failed test said. */
function excerpt(message: string): string {
  const plain = stripVTControlCharacters(message).trim()
  const cut = plain.length > EXCERPT ? `${plain.slice(0, EXCERPT)} …` : plain
  return cut.replaceAll(/^/gm, '          ')
}

/** The closing lines of a run: what failed and what was skipped, by name, then the counts. */
export function summary(outcomes: readonly Outcome[]): { lines: string[]; failed: number; skipped: number } {
  const failed = outcomes.flatMap((outcome) => outcome.failed)
  const skipped = outcomes.flatMap((outcome) => outcome.skipped)
  const passed = outcomes.reduce((total, outcome) => total + outcome.passed, 0)
  return {
    lines: [
      '',
      ...failed.map((name) => `failed  ${name}`),
      ...skipped.map((name) => `skipped ${name}`),
      `${passed} passed, ${failed.length} failed, ${skipped.length} skipped`,
    ],
    failed: failed.length,
    skipped: skipped.length,
  }
}
