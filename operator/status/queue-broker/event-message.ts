import type { CoreEvent } from '../../kube/resources.ts'

/**
 * What the events say, in the words of the newest; warnings before the rest. As long as what was said before is still among them, it
 * stays: two messages in turn are no news each time.
 */
export function eventMessage(events: readonly CoreEvent[], saidBefore: string | undefined): string | undefined {
  const warnings = events.filter((event) => event.type === 'Warning')
  const messages = (warnings.length > 0 ? warnings : events)
    .toSorted((a, b) => (timeOf(a) < timeOf(b) ? 1 : -1))
    .flatMap(({ message }) => (message === undefined || message === '' ? [] : [message]))
  return messages.find((message) => saidBefore?.includes(message)) ?? messages[0]
}

const timeOf = (event: CoreEvent): string =>
  event.series?.lastObservedTime ?? event.lastTimestamp ?? event.eventTime ?? event.metadata.creationTimestamp ?? ''
