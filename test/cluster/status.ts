import { componentNames, describeCluster, place } from './cluster.ts'
import { exists } from './machine.ts'
import { state } from './paths.ts'
import { isHealthy } from './probe.ts'
import { pidOf } from './processes.ts'

export type Row = { component: string; pid: number | undefined; healthy: boolean }

/** Each component, its pid if it runs, and whether it answers that it is healthy. */
export async function status(): Promise<Row[]> {
  if (!(await exists(state.pki)))
    return componentNames.map((component) => ({ component, pid: undefined, healthy: false }))
  const cluster = await describeCluster()
  return Promise.all(
    componentNames.map(async (name) => {
      const pid = await pidOf(name, place)
      const healthy = pid !== undefined && (await isHealthy((await cluster.component(name)).probe))
      return { component: name, pid, healthy }
    }),
  )
}

/** The rows as a table for people. */
export function renderStatus(rows: Row[]): string {
  const lines = [
    ['COMPONENT', 'PID', 'HEALTHY'],
    ...rows.map(({ component, pid, healthy }) => [component, pid ? String(pid) : '-', healthy ? 'yes' : 'no']),
  ]
  return lines
    .map(([component = '', pid = '', healthy = '']) => `${component.padEnd(26)}${pid.padEnd(10)}${healthy}`)
    .join('\n')
}
