const SERIAL = /\.\d+$/

/** The inbox that a pull's reply subject belongs to: some clients number the subjects of one consumer. */
export const inboxOf = (reply: string): string => reply.replace(SERIAL, '')

/** Whether a subscription gets what is published to a subject without wildcards. */
export function gets(subscription: string, subject: string): boolean {
  if (subscription === subject) return true
  const [wanted, given] = [subscription.split('.'), subject.split('.')]
  for (const [index, token] of wanted.entries()) {
    if (token === '>') return given.length > index
    if (given[index] === undefined || (token !== '*' && token !== given[index])) return false
  }
  return wanted.length === given.length
}
