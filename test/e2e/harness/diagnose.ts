import { installation } from './installation.ts'
import { kubectl } from './kubectl.ts'

/** What a container says before its end is where the cause stands; more fills the screen. */
const LINES = '60'
const STATUS = '{range .items[*]}{.kind} {.metadata.name}: {.status}{"\\n"}{end}'

/** Prints what can be known about a namespace and the operator after a test failed. */
export async function diagnose(namespace: string, test: string): Promise<void> {
  const here = ['--namespace', namespace]
  const there = ['--namespace', installation.namespace]
  const brokers = ['--selector', 'app.kubernetes.io/name=pillion-broker', '--all-containers', '--prefix']
  const operator = ['--selector', 'app.kubernetes.io/name=pillion-operator', '--prefix']
  const parts: ReadonlyArray<readonly [string, readonly string[]]> = [
    ['objects', ['get', 'pq,queuebrokers,statefulsets,pods,pvc,services', '--output', 'wide', ...here]],
    ['status', ['get', 'queues.pillion.dev,queuebrokers.pillion.dev', '--output', `jsonpath=${STATUS}`, ...here]],
    ['events', ['get', 'events', '--sort-by', '.metadata.creationTimestamp', ...here]],
    ['broker logs', ['logs', ...brokers, '--tail', LINES, ...here]],
    ['broker logs before the last restart', ['logs', ...brokers, '--previous', '--tail', '20', ...here]],
    ['operator pods', ['get', 'pods', '--output', 'wide', ...there]],
    ['operator logs', ['logs', ...operator, '--tail', LINES, ...there]],
    ['operator logs before the last restart', ['logs', ...operator, '--previous', '--tail', '20', ...there]],
  ]
  const texts: string[] = []
  for (const [title, args] of parts) {
    const text = await kubectl([...args, '--request-timeout=20s']).catch((error: unknown) => String(error))
    texts.push(`── ${title}\n${text.trimEnd()}`)
  }
  console.error(`"${test}" failed; the state of namespace ${namespace}:\n${texts.join('\n')}`)
}
