import { binary } from '../../cluster/binaries.ts'
import { kubeconfigPath } from '../../cluster/paths.ts'
import { run } from '../../cluster/run.ts'

/** Runs kubectl against the local cluster and gives what it prints. @throws Error with its own words when it fails */
export async function kubectl(args: readonly string[], input = ''): Promise<string> {
  return run(await binary('kubectl'), ['--kubeconfig', kubeconfigPath, ...args], { input })
}

/** What kubectl says when it refuses. @throws Error when it does not refuse */
export async function refusal(attempt: Promise<string>): Promise<string> {
  try {
    await attempt
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
  throw new Error('it was not refused')
}
