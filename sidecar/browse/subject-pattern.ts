/** What is wrong with a pattern; undefined: nothing. Pure. */
export function patternProblem(pattern: string): string | undefined {
  const tokens = pattern.split('.')
  if (tokens.includes('') || /\s/.test(pattern)) {
    return `is "${pattern}"; it has to be a subject such as q.orders.eu, without blanks and empty tokens`
  }
  if (tokens.slice(0, -1).includes('>')) return `is "${pattern}"; ">" may stand at the end only`
  return undefined
}
