import { type ComponentName, componentNames, describeCluster, place } from './cluster.ts'
import { exists } from './machine.ts'
import { state } from './paths.ts'
import { startProcess, stopProcess } from './processes.ts'

/** Ends one component and starts it again. @throws Error for an unknown name, or when there is no cluster. */
export async function restart(name: string, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (!isComponent(name)) throw new Error(`there is no component "${name}"; there are: ${componentNames.join(', ')}`)
  if (!(await exists(state.pki))) throw new Error('the cluster is not there; start it with: npm run cluster -- up')
  const cluster = await describeCluster()
  const component = await cluster.component(name)
  await stopProcess(name, place, signal)
  await startProcess(component, place)
}

function isComponent(name: string): name is ComponentName {
  return componentNames.some((known) => known === name)
}
