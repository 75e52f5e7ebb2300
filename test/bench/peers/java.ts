import { run } from '../../cluster/run.ts'
import { need } from './debian.ts'
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
  await need('mvn', `install Maven, which gets ${what} from Maven Central`)
  progress(`getting ${what} from Maven Central …`)
  try {
    await run('mvn', ['--batch-mode', ...args])
  } catch (error) {
    throw new PeerMissing(`${what} could not be had from Maven Central`, { cause: error })
  }
}
