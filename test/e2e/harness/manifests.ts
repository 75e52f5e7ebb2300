/** A Queue for tests, whose broker of its own takes little of the machine. */
export const queue = (name: string, spec: object = {}): object => ({
  apiVersion: 'pillion.dev/v1alpha1',
  kind: 'Queue',
  metadata: { name },
  spec: {
    retention: { maxBytes: '64Mi' },
    deadLetter: { maxBytes: '32Mi' },
    ...('brokerRef' in spec ? {} : { broker: { storage: { size: '512Mi' } } }),
    ...spec,
  },
})

export const queueBroker = (name: string, spec: object = {}): object => ({
  apiVersion: 'pillion.dev/v1alpha1',
  kind: 'QueueBroker',
  metadata: { name },
  spec: { storage: { size: '512Mi' }, ...spec },
})
