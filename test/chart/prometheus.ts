import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { binary } from '../cluster/binaries.ts'
import { freePort } from '../cluster/ports.ts'
import { startProcess, stopProcess } from '../cluster/processes.ts'

export interface Prometheus extends AsyncDisposable {
  /** Such as `http://127.0.0.1:9090`. */
  readonly url: string
  /** The value of an expression's first series; undefined where there is none. */
  value(expr: string): Promise<number | undefined>
}

/** Starts a Prometheus with these `scrape_configs` on a free port of 127.0.0.1; it ends with the calling process. */
export async function startPrometheus(scrapeConfigs: readonly object[]): Promise<Prometheus> {
  const folder = await mkdtemp(join(tmpdir(), 'pillion-prometheus-'))
  const place = { pids: folder, logs: folder, endWithParent: true }
  const config = join(folder, 'prometheus.yml')
  // JSON is YAML.
  await writeFile(config, JSON.stringify({ scrape_configs: scrapeConfigs }))
  const listen = `127.0.0.1:${await freePort()}`
  const url = `http://${listen}`
  const stop = async () => {
    await stopProcess('prometheus', place)
    await rm(folder, { recursive: true, force: true })
  }
  try {
    await startProcess(
      {
        name: 'prometheus',
        command: [
          await binary('prometheus'),
          `--config.file=${config}`,
          `--storage.tsdb.path=${join(folder, 'data')}`,
          `--web.listen-address=${listen}`,
        ],
        probe: { url: `${url}/-/ready` },
      },
      place,
    )
  } catch (error) {
    await stop()
    throw error
  }
  return { url, value: async (expr) => firstValue(url, expr), [Symbol.asyncDispose]: stop }
}

async function firstValue(url: string, expr: string): Promise<number | undefined> {
  const response = await fetch(`${url}/api/v1/query?${new URLSearchParams({ query: expr }).toString()}`)
  const answer: { data: { result: ReadonlyArray<{ value: [number, string] }> } } = JSON.parse(await response.text())
  const [first] = answer.data.result
  return first === undefined ? undefined : Number(first.value[1])
}
