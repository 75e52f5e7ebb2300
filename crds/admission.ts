import { GROUP, VERSION } from './group.ts'

const name = 'pillion-keep-non-empty-queues'

const counts = ['ready', 'inFlight', 'delayed'] as const
const countOf = (count: (typeof counts)[number]) =>
  `(has(oldObject.status) && has(oldObject.status.messages) && has(oldObject.status.messages.${count}) ? oldObject.status.messages.${count} : 0)`

/**
 * Refuses to delete a Queue with deletionPolicy KeepNonEmpty whose status holds messages. Status may be 30 s old, so the
 * finalizer asks the broker too; this tells the person who deletes at once. Dead letters do not count. A namespace that is
 * being deleted is not held up.
 */
export const keepNonEmptyPolicy = {
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind: 'ValidatingAdmissionPolicy',
  metadata: { name },
  spec: {
    failurePolicy: 'Fail',
    matchConstraints: {
      resourceRules: [
        {
          apiGroups: [GROUP],
          apiVersions: [VERSION],
          operations: ['DELETE'],
          resources: ['queues'],
          scope: 'Namespaced',
        },
      ],
    },
    variables: [
      ...counts.map((count) => ({ name: count, expression: countOf(count) })),
      { name: 'messages', expression: counts.map((count) => `variables.${count}`).join(' + ') },
    ],
    validations: [
      {
        expression:
          "oldObject.spec.deletionPolicy != 'KeepNonEmpty' || variables.messages == 0 || has(namespaceObject.metadata.deletionTimestamp)",
        messageExpression:
          "'queue ' + oldObject.metadata.name + ' still holds ' + string(variables.messages) + (variables.messages == 1 ? ' message' : ' messages') + ' (' + string(variables.ready) + ' ready, ' + string(variables.inFlight) + ' in flight, ' + string(variables.delayed) + ' delayed); let consumers drain it first, or set spec.deletionPolicy: Delete to delete the messages with it, or Retain to keep them for a Queue of the same name'",
        message:
          'the queue still holds messages; let consumers drain it first, or set spec.deletionPolicy: Delete to delete the messages with it, or Retain to keep them for a Queue of the same name',
        reason: 'Forbidden',
      },
    ],
  },
} as const

export const keepNonEmptyBinding = {
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind: 'ValidatingAdmissionPolicyBinding',
  metadata: { name },
  spec: { policyName: name, validationActions: ['Deny'] },
} as const
