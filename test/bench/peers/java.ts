import { run } from '../../cluster/run.ts'
import { PeerMissing } from './peer.ts'

/** Debian's, in the root of a peer that is written in Java. */
export const JAVA_PACKAGE = 'openjdk-21-jre-headless'
export const JAVA_HOME = '/usr/lib/jvm/java-21-openjdk-amd64'

/**
 * Runs Maven.
 *
 * @param what is got; @throws PeerMissing with that
 */
export async function maven(what: string, args: readonly string[], progress: (line: string) => void): Promise<void> {
  progress(`getting ${what} from Maven Central …`)
  try {
    await run('mvn', ['--batch-mode', ...args])
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : ''
    throw new PeerMissing(`${what} could not be had: it comes from Maven Central and takes mvn (${reason})`, {
      cause: error,
    })
  }
}
