// Runs on whatever Node started npm (20 or newer): installs the locked packages when they are missing or older than the lock.
import { spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'

const marker = 'node_modules/.package-lock.json'
const fresh = existsSync(marker) && statSync(marker).mtimeMs >= statSync('package-lock.json').mtimeMs
if (!fresh) {
  console.error('installing packages …')
  // Not `npm ci`: it refuses a lock that lists only the platforms which its registry offered. This takes the versions of the
  // lock and writes nothing but node_modules.
  const { status } = spawnSync('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'], {
    stdio: ['ignore', 2, 2],
  })
  if (status !== 0) {
    console.error('npm install failed: see above; the npm registry must be reachable')
    process.exit(status ?? 1)
  }
}
