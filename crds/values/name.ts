/**
 * Names of Queues and QueueBrokers become names of Services (a letter first), of StatefulSets, whose pods carry a label of
 * name and hash (63 characters), of claims and Secrets (`data-<name>-0`, `<name>-sidecar`), and of JetStream streams (no dot).
 */
export const NAME_PATTERN = '^[a-z]([-a-z0-9]*[a-z0-9])?$'
export const NAME_MAX_LENGTH = 40

const wellFormed = new RegExp(NAME_PATTERN)

export const NAME_MESSAGE = `the name must be a DNS label of at most ${NAME_MAX_LENGTH} characters that begins with a letter (lower-case letters, digits and '-', no '-' at the end): it becomes part of the names of the Service, pods and volumes, which have limits of their own`

export function isName(text: string): boolean {
  return text.length <= NAME_MAX_LENGTH && wellFormed.test(text)
}
