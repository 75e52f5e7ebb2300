import { get as httpGet } from 'node:http'
import { get as httpsGet } from 'node:https'
import type { Probe } from './component.ts'
import { succeeds } from './run.ts'

/** Whether a component answers that it is healthy, now. */
export function isHealthy(probe: Probe): Promise<boolean> {
  if ('command' in probe) {
    const [program, ...args] = probe.command
    return succeeds(program, args)
  }
  return new Promise((resolve) => {
    const headers = probe.token ? { authorization: `Bearer ${probe.token}` } : {}
    // Health only: nothing secret but the probe's own token goes to an address that this project itself opened.
    const options = { headers, timeout: 5000, rejectUnauthorized: false, agent: false }
    const get = probe.url.startsWith('https:') ? httpsGet : httpGet
    const request = get(probe.url, options, (response) => {
      response.resume()
      resolve(response.statusCode === 200)
    })
    request.on('timeout', () => request.destroy())
    request.on('error', () => resolve(false))
  })
}
