import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type JsMsg, jetstream } from '@nats-io/jetstream'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { projectRoot } from '../cluster/paths.ts'
import { connectTo } from './harness/broker.ts'
import { useNamespace } from './harness/namespace.ts'

// The example of each mode, as it is: published to, half of it consumed, the broker's pod deleted, the other half consumed.

const COUNT = 40
const namespace = useNamespace('modes')

interface Example {
  readonly file: string
  /** Where message `n` goes, below the Queue's subject; left out: to that itself. */
  readonly token?: (n: number) => string
  /** The numbers of all messages as they came, in the order that the mode promises. */
  readonly inOrder: (numbers: readonly number[]) => void
}

const ascending = (numbers: readonly number[]): void => {
  expect(numbers).toEqual(numbers.toSorted((a, b) => a - b))
}
const eachAscending = (numbers: readonly number[], groupOf: (n: number) => number): void => {
  for (const group of Map.groupBy(numbers, groupOf).values()) ascending(group)
}

const examples: Example[] = [
  { file: 'keyed-fifo', token: (n) => `key${n % 4}`, inOrder: (numbers) => eachAscending(numbers, (n) => n % 4) },
  {
    file: 'priority',
    token: (n) => String(n % 10),
    inOrder: (numbers) => {
      expect(numbers).toEqual(numbers.toSorted((a, b) => (b % 10) - (a % 10) || a - b))
    },
  },
  { file: 'exclusive', inOrder: ascending },
  { file: 'lru', token: (n) => `page${n}`, inOrder: ascending },
  {
    file: 'hierarchical',
    token: (n) => (n % 2 === 0 ? 'eu.acme' : 'us.initech'),
    inOrder: (numbers) => eachAscending(numbers, (n) => n % 2),
  },
]

test.each(examples)('$file: nothing is lost and order holds over a pod that is deleted', async (example) => {
  const manifest = manifestOf(example.file)
  const queue = manifest.metadata.name
  await namespace.apply(manifest)
  await namespace.queueReady(queue)
  const before = await namespace.readyBrokerPod(queue)
  await publish(queue, example.token)
  const numbers = await takeAndSettle(queue, COUNT / 2)
  await namespace.kubectl('delete', 'pod', `${queue}-0`, '--wait=false')
  await namespace.readyBrokerPod(queue, before)
  await namespace.queueReady(queue)
  numbers.push(...(await takeAndSettle(queue, COUNT / 2)))
  expect(numbers.toSorted((a, b) => a - b)).toEqual(Array.from({ length: COUNT }, (_, n) => n))
  example.inOrder(numbers)
})

function manifestOf(file: string) {
  const text = readFileSync(join(projectRoot, 'crds', 'examples', `${file}.yaml`), 'utf8')
  return z.looseObject({ metadata: z.object({ name: z.string() }) }).parse(parse(text))
}

async function publish(queue: string, token: Example['token']): Promise<void> {
  const connection = await connectTo(namespace, queue)
  try {
    const js = jetstream(connection)
    for (let n = 0; n < COUNT; n++)
      await js.publish(token === undefined ? `q.${queue}` : `q.${queue}.${token(n)}`, String(n))
  } finally {
    await connection.close()
  }
}

/** One message a pull, as a mode that may pick anew each time is seen best. */
async function takeAndSettle(queue: string, count: number): Promise<number[]> {
  const connection = await connectTo(namespace, queue)
  try {
    const workers = await jetstream(connection).consumers.get(queue, 'workers')
    const numbers: number[] = []
    while (numbers.length < count) {
      const message: JsMsg | null = await workers.next({ expires: 20_000 })
      if (message === null) throw new Error(`${numbers.length} of ${count} messages came`)
      numbers.push(Number(message.string()))
      await message.ackAck()
    }
    return numbers
  } finally {
    await connection.close()
  }
}
