/**
 * Names on the wire: streams, subjects and consumers that a Queue becomes. See "Broker protocol" in the README.
 *
 * Queue and group names are DNS labels, so `_` cannot stand in them and the suffixes below cannot clash with a Queue.
 */

/** The stream of a Queue has the Queue's own name. */
export const queueStream = (queue: string): string => queue
/** Where an unkeyed publish goes. */
export const queueSubject = (queue: string): string => `q.${queue}`

/** Dead letters, kept by limits so that they can be browsed. */
export const deadLetterStream = (queue: string): string => `${queue}_dlq`
export const deadLetterSubject = (queue: string): string => `dlq.${queue}`

/** The settlement log: one record a batch of settlements. */
export const settlementStream = (queue: string): string => `${queue}_settled`
export const settlementSubject = (queue: string): string => `PILLION.SETTLED.${queue}`

/** What waits for its time: publishes to come later, and messages that wait out a long backoff. */
export const delayedStream = (queue: string): string => `${queue}_delayed`
/** Below it, the stream's subjects: `<hour>.<second>` of the time that a message waits for, and `checkpoint`. */
export const delayedSubject = (queue: string): string => `PILLION.DELAYED.${queue}`

/** A lane is one JetStream consumer of a group; `lane` names it within the group (`fifo`, later `p4`, `k12`, …). */
export const laneConsumer = (group: string, lane: string): string => `${group}_${lane}`
export const groupOfLane = (consumer: string): string => consumer.slice(0, consumer.indexOf('_'))

/** The stream in which a broker keeps the specs of its Queues, the last one of each. */
export const SPEC_STREAM = 'PILLION_QUEUES'
export const specSubject = (queue: string): string => `PILLION.SPEC.${queue}`

/** The stream in which a broker keeps who is the active consumer of each Exclusive group. */
export const ACTIVE_STREAM = 'PILLION_ACTIVE'
export const activeSubject = (queue: string, group: string): string => `PILLION.ACTIVE.${queue}.${group}`

/** The stream in which a broker keeps how far operations are, the last word of each. */
export const OPERATION_STREAM = 'PILLION_OPERATIONS'
export const operationSubject = (queue: string, id: string): string => `PILLION.OPERATION.${queue}.${id}`

/** The stream in which a broker keeps which copies it made of another broker's messages, the last batch of each operation. */
export const COPY_STREAM = 'PILLION_COPIES'
export const copySubject = (queue: string, id: string): string => `PILLION.COPIES.${queue}.${id}`

/** The transactions of a broker that have not come to their end: the last word of each, and what it sends. */
export const TRANSACTION_STREAM = 'PILLION_TRANSACTIONS'
export const transactionSubject = (id: string): string => `PILLION.TX.RECORD.${id}`
export const stagedSubject = (id: string): string => `PILLION.TX.STAGED.${id}`
/** Those that have. */
export const ENDED_TRANSACTION_STREAM = 'PILLION_TRANSACTIONS_ENDED'
export const endedTransactionSubject = (id: string): string => `PILLION.TX.ENDED.${id}`

/** What clients ask of transactions: `pillion.tx.<verb>`. */
export const TRANSACTION_REQUESTS = 'pillion.tx.*'

/** Where producers of prepared transactions may be asked what is to become of them; only the sidecar publishes there. */
export const CHECK_BACK_PREFIX = 'pillion.check.'
/** Where they answer, so that the client user need not be allowed to answer just anything. */
export const CHECK_BACK_ANSWERS = 'pillion.checked.*'
export const checkBackAnswer = (token: string): string => `pillion.checked.${token}`

/** Keeps JetStream's hints that a message used up its deliveries. */
export const GIVEN_UP_STREAM = 'PILLION_GIVEN_UP'
export const GIVEN_UP_SUBJECT = '$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.*.*'

/** What nats-server tells of each message that it stored, where the sidecar has to know: `PILLION.STORED.<queue>.<rest>`. */
export const STORED_SUBJECT = 'PILLION.STORED.>'
export const STORED_REPUBLISH = { src: 'q.>', dest: STORED_SUBJECT, headers_only: true } as const

/** The subject that a message was stored with, of the one that tells of it. */
export const storedAs = (subject: string): string => `q.${subject.slice(STORED_SUBJECT.length - 1)}`

/** Sidecars share the subscriptions of one broker as this NATS queue group. */
export const SIDECAR_QUEUE_GROUP = 'pillion'

/** What client requests arrive as at the sidecar, by subject mapping. */
export const NEXT_SUBJECT = 'PILLION.NEXT.*.*'
export const INFO_SUBJECT = 'PILLION.INFO.*.*'
export const ACK_SUBJECT = 'PILLION.ACK.*.*.>'
/** `PILLION.DELAY.<queue>` and `PILLION.DELAY.<queue>.<rest>` */
export const DELAY_SUBJECTS = ['PILLION.DELAY.*', 'PILLION.DELAY.*.>'] as const

/** `PILLION.PUT.<queue>` and `PILLION.PUT.<queue>.<rest>`: what clients publish to the Queues of a broker with durability Always. */
export const PUT_SUBJECTS = ['PILLION.PUT.*', 'PILLION.PUT.*.>'] as const
/** The sidecar's own way to publish to a Queue, past the mappings; `subject` is one of the Queue's, as `q.orders`. */
export const putSubject = (subject: string): string => `PILLION.JS.Q${subject.slice(1)}`
/** The Queue's subject that a publish reached the sidecar by. */
export const publishedTo = (subject: string): string => `q${subject.slice('PILLION.PUT'.length)}`

/** The sidecar's own way to the JetStream API, past the mappings (as the `apiPrefix` of a client). */
export const API_PREFIX = 'PILLION.JS.API'
/** The sidecar's own way to acknowledge, past the mappings. */
export const ACK_PREFIX = 'PILLION.JS.ACK'

type Mappings = ReadonlyArray<readonly [from: string, to: string]>

const MAPPINGS: Mappings = [
  ['$JS.API.CONSUMER.MSG.NEXT.*.*', 'PILLION.NEXT.{{wildcard(1)}}.{{wildcard(2)}}'],
  ['$JS.API.CONSUMER.INFO.*.*', 'PILLION.INFO.{{wildcard(1)}}.{{wildcard(2)}}'],
  ['$JS.ACK.*.*.>', 'PILLION.ACK.{{wildcard(1)}}.{{wildcard(2)}}.>'],
  ['delay.*', 'PILLION.DELAY.{{wildcard(1)}}'],
  ['delay.*.>', 'PILLION.DELAY.{{wildcard(1)}}.>'],
  ['PILLION.JS.API.>', '$JS.API.>'],
  ['PILLION.JS.ACK.*.*.>', '$JS.ACK.{{wildcard(1)}}.{{wildcard(2)}}.>'],
  ['PILLION.JS.Q.>', 'q.>'],
]
const PUT_MAPPINGS: Mappings = [
  ['q.*', 'PILLION.PUT.{{wildcard(1)}}'],
  ['q.*.>', 'PILLION.PUT.{{wildcard(1)}}.>'],
]

/**
 * Account-level subject mappings of the broker's nats-server. They are static: no Queue needs one of its own, so nothing is
 * reloaded when Queues come and go. nats-server applies them once, so the ways back cannot loop.
 *
 * @param puts whether publishes go to the sidecar, which puts many on disk at once
 */
export const subjectMappings = (puts: boolean): Mappings => (puts ? [...MAPPINGS, ...PUT_MAPPINGS] : MAPPINGS)

/**
 * What the client user may publish: produce now or later, pull, ask info, acknowledge, and what stock clients ask on their own. nats-server
 * checks the subject that a mapping led to, so it is the mapped ones that are allowed, and `PILLION.JS.>` stays closed.
 */
export const clientPublish = (puts: boolean): readonly string[] => [
  ...(puts ? PUT_SUBJECTS : ['q.>']),
  NEXT_SUBJECT,
  INFO_SUBJECT,
  ACK_SUBJECT,
  ...DELAY_SUBJECTS,
  TRANSACTION_REQUESTS,
  CHECK_BACK_ANSWERS,
  '$JS.API.INFO',
  '$JS.API.STREAM.INFO.*',
  '$JS.API.STREAM.NAMES',
]
/** Where the client user may be answered: its inboxes. */
export const CLIENT_INBOXES: readonly string[] = ['_INBOX.>']
/** What the client user may subscribe to. */
export const CLIENT_SUBSCRIBE: readonly string[] = [...CLIENT_INBOXES, `${CHECK_BACK_PREFIX}>`]

/** A message, its headers counted, may be no larger than this; maxMessageSize is bounded by it. Bytes. */
export const MAX_MESSAGE_BYTES = 8 * 1024 * 1024
/** What a dead letter has in headers beside its message's own. Bytes. */
const DEAD_LETTER_HEADER_BYTES = 64 * 1024
/** nats-server refuses what is larger than this by itself. Bytes. */
export const MAX_PAYLOAD_BYTES = MAX_MESSAGE_BYTES + DEAD_LETTER_HEADER_BYTES
