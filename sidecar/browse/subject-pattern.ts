/** Whether a subject is one of those that a pattern names: `*` is one token, `>` at the end one or more. Pure. */
export function subjectMatches(pattern: string, subject: string): boolean {
  const wanted = pattern.split('.')
  const tokens = subject.split('.')
  for (const [index, token] of wanted.entries()) {
    if (token === '>') return tokens.length > index
    const given = tokens[index]
    if (given === undefined || (token !== '*' && token !== given)) return false
  }
  return tokens.length === wanted.length
}

/** What is wrong with a pattern; undefined: nothing. Pure. */
export function patternProblem(pattern: string): string | undefined {
  const tokens = pattern.split('.')
  if (tokens.includes('') || /\s/.test(pattern)) {
    return `is "${pattern}"; it has to be a subject such as q.orders.eu, without blanks and empty tokens`
  }
  if (tokens.slice(0, -1).includes('>')) return `is "${pattern}"; ">" may stand at the end only`
  return undefined
}
