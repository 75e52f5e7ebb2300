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
