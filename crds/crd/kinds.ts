import { queueSchema } from '../queue/queue.ts'
import { queueBrokerSchema } from '../queue-broker/queue-broker.ts'
import { queueOperationSchema } from '../queue-operation/queue-operation.ts'
import type { Kind, PrinterColumn } from './custom-resource-definition.ts'

const ready: PrinterColumn = {
  name: 'Ready',
  type: 'string',
  jsonPath: '.status.conditions[?(@.type=="Ready")].status',
  description: 'Whether all is as declared.',
}
const age: PrinterColumn = {
  name: 'Age',
  type: 'date',
  jsonPath: '.metadata.creationTimestamp',
  description: 'Time since it was made.',
}

export const queueKind: Kind = {
  kind: 'Queue',
  plural: 'queues',
  shortName: 'pq',
  schema: queueSchema,
  selectableFields: ['.spec.brokerRef.name'],
  columns: [
    ready,
    { name: 'Mode', type: 'string', jsonPath: '.spec.ordering.mode', description: 'Order of delivery.' },
    { name: 'Broker', type: 'string', jsonPath: '.status.broker', description: 'The QueueBroker that keeps it.' },
    {
      name: 'Ready messages',
      type: 'integer',
      jsonPath: '.status.messages.ready',
      description: 'Messages that wait to be delivered.',
    },
    {
      name: 'In flight',
      type: 'integer',
      jsonPath: '.status.messages.inFlight',
      description: 'Messages that were delivered and are not answered yet.',
    },
    {
      name: 'Dead letters',
      type: 'integer',
      jsonPath: '.status.messages.deadLettered',
      description: 'Messages that were given up.',
    },
    age,
  ],
}

export const queueBrokerKind: Kind = {
  kind: 'QueueBroker',
  plural: 'queuebrokers',
  shortName: 'pqb',
  schema: queueBrokerSchema,
  selectableFields: [],
  columns: [
    ready,
    { name: 'Replicas', type: 'integer', jsonPath: '.spec.replicas', description: 'Broker pods.' },
    {
      name: 'Durability',
      type: 'string',
      jsonPath: '.spec.durability',
      description: 'When a publish is acknowledged.',
    },
    { name: 'Storage', type: 'string', jsonPath: '.spec.storage.size', description: 'Size of each volume.' },
    age,
  ],
}

const queueOperationKind: Kind = {
  kind: 'QueueOperation',
  plural: 'queueoperations',
  shortName: 'pqo',
  schema: queueOperationSchema,
  selectableFields: ['.spec.queueRef.name'],
  columns: [
    { name: 'Queue', type: 'string', jsonPath: '.spec.queueRef.name', description: 'The Queue that it is done to.' },
    { name: 'Kind', type: 'string', jsonPath: '.spec.kind', description: 'What is done.' },
    {
      name: 'State',
      type: 'string',
      jsonPath: '.status.conditions[?(@.type=="Ready")].reason',
      description: 'How it stands.',
    },
    { name: 'Done', type: 'integer', jsonPath: '.status.messages.done', description: 'Messages that are done.' },
    { name: 'Total', type: 'integer', jsonPath: '.status.messages.total', description: 'Messages to look at.' },
    age,
  ],
}

export const kinds: readonly Kind[] = [queueKind, queueBrokerKind, queueOperationKind]
