import { cpuSeconds } from '../harness/cpu.ts'
import { type Case, type Row, row } from './row.ts'
import type { Broker } from './sides/side.ts'

/** Processor time that a broker used for each message. Microseconds. */
export interface CpuPerMessage {
  readonly server: number
  /** 0 where there is none. */
  readonly sidecar: number
}

const SECOND_US = 1e6

/** @param work its result, and how many messages it was. Undefined other than on Linux, which alone tells. */
export async function withCpu<T>(
  { serverPid, sidecarPid }: Broker,
  work: () => Promise<{ readonly result: T; readonly messages: number }>,
): Promise<{ readonly result: T; readonly cpu: CpuPerMessage | undefined }> {
  const used = async (pid: number | undefined): Promise<number> => (pid === undefined ? 0 : cpuSeconds(pid))
  if (process.platform !== 'linux') return { result: (await work()).result, cpu: undefined }
  const [server, sidecar] = [await used(serverPid), await used(sidecarPid)]
  const { result, messages } = await work()
  const each = (seconds: number): number => Math.round((seconds * SECOND_US * 10) / messages) / 10
  return {
    result,
    cpu: { server: each((await used(serverPid)) - server), sidecar: each((await used(sidecarPid)) - sidecar) },
  }
}

/**
 * Rows of what a message costs: nats-server and sidecar together, and nats-server alone, so that the difference is the sidecar; raw: nats-server. None
 * where it was not told.
 */
export function cpuRows(
  what: Case,
  ours: ReadonlyArray<CpuPerMessage | undefined>,
  raw: ReadonlyArray<CpuPerMessage | undefined>,
): Row[] {
  const told = (of: ReadonlyArray<CpuPerMessage | undefined>): CpuPerMessage[] => of.filter((cpu) => cpu !== undefined)
  if (told(ours).length === 0 || told(raw).length === 0) return []
  const both = ({ server, sidecar }: CpuPerMessage): number => Math.round((server + sidecar) * 10) / 10
  const server = (cpu: CpuPerMessage): number => cpu.server
  return [
    row({ ...what, name: `${what.name}-cpu` }, 'µs/msg', told(ours).map(both), told(raw).map(server)),
    row({ ...what, name: `${what.name}-cpu-server` }, 'µs/msg', told(ours).map(server), told(raw).map(server)),
  ]
}
