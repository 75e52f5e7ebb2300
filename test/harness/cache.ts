import { homedir } from 'node:os'
import { join } from 'node:path'

/** Where what is built or installed for tests is kept between runs. */
export const cacheFolder = (...parts: readonly string[]): string =>
  join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'pillion', ...parts)
