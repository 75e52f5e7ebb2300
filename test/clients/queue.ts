/** A Queue for the checks: two of them wait out the visibility timeout, so it is short. */
export const CLIENTS_QUEUE = `apiVersion: pillion.dev/v1alpha1
kind: Queue
metadata: {name: orders}
spec:
  retry: {visibilityTimeout: 3s}
`
