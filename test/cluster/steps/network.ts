import { exists, programPath, readSysctl, writeSysctl } from '../machine.ts'
import { run, succeeds } from '../run.ts'
import { bridge, nodeAddress, podRange, serviceRange } from '../settings.ts'

const table = 'inet pillion-cluster'
const dockerRule = [
  'FORWARD',
  '-i',
  bridge,
  '-o',
  bridge,
  '-m',
  'comment',
  '--comment',
  'pillion-cluster',
  '-j',
  'ACCEPT',
]

/** The pods' bridge, with routes and rules that keep all of the cluster's traffic inside the machine. */
export async function openNetwork(): Promise<void> {
  await refuseOverlap()
  if (!(await exists(`/sys/class/net/${bridge}`))) await run('ip', ['link', 'add', bridge, 'type', 'bridge'])
  await run('ip', ['address', 'replace', `${nodeAddress}/24`, 'dev', bridge])
  await run('ip', ['link', 'set', bridge, 'up'])
  await run('ip', ['route', 'replace', serviceRange, 'dev', bridge, 'src', nodeAddress])
  await run('nft', ['-f', '-'], { input: isolationRules() })
  await allowPastDocker()
  await writeSysctl('net.ipv4.ip_forward', '1')
  await filterBridgedPackets()
}

/** Takes away what `openNetwork` made; sysctls are restored elsewhere. */
export async function closeNetwork(): Promise<void> {
  if (await succeeds('nft', ['list', 'table', ...table.split(' ')]))
    await run('nft', ['delete', 'table', ...table.split(' ')])
  if (await exists(`/sys/class/net/${bridge}`)) await run('ip', ['link', 'delete', bridge])
  if (await programPath('iptables')) {
    if (await succeeds('iptables', ['-w', '-C', ...dockerRule])) await run('iptables', ['-w', '-D', ...dockerRule])
  }
}

/** nftables rules: between the pods' bridge and any other interface nothing is forwarded. */
export function isolationRules(): string {
  return `table ${table} {}
delete table ${table}
table ${table} {
  chain forward {
    type filter hook forward priority filter; policy accept;
    iifname "${bridge}" oifname != "${bridge}" reject
    iifname != "${bridge}" oifname "${bridge}" reject
  }
}
`
}

/** Answers of a pod that was called through a Service go over the bridge; unless filtered they are not translated back. */
async function filterBridgedPackets(): Promise<void> {
  const name = 'net.bridge.bridge-nf-call-iptables'
  if ((await readSysctl(name)) === undefined) await run('modprobe', ['br_netfilter'])
  await writeSysctl(name, '1')
}

/** Docker sets iptables to drop what is forwarded and not its own. */
async function allowPastDocker(): Promise<void> {
  if (!(await programPath('iptables'))) return
  const forward = await run('iptables', ['-w', '-S', 'FORWARD']).catch(() => '')
  if (!forward.includes('-P FORWARD DROP') || (await succeeds('iptables', ['-w', '-C', ...dockerRule]))) return
  await run('iptables', ['-w', '-I', ...dockerRule])
}

/** @throws Error when another interface of the machine has an address or a route in the cluster's ranges. */
async function refuseOverlap(): Promise<void> {
  const routes: { dst: string; dev?: string }[] = JSON.parse(
    await run('ip', ['-json', '-4', 'route', 'show', 'table', 'all']),
  )
  const clash = routes.find(
    ({ dst, dev }) => dev !== bridge && [podRange, serviceRange].some((range) => overlaps(dst, range)),
  )
  if (!clash) return
  throw new Error(
    `the machine has a route to ${clash.dst} on ${clash.dev ?? 'no interface'}, and the cluster uses ${podRange} and ${serviceRange}; ` +
      'take that route away, or change the ranges in test/cluster/settings.ts',
  )
}

/** Whether two IPv4 ranges share an address; the default route shares none. */
export function overlaps(one: string, other: string): boolean {
  if (one === 'default') return false
  const [a, b] = [parseRange(one), parseRange(other)]
  const bits = Math.min(a.bits, b.bits)
  return bits > 0 && a.address >>> (32 - bits) === b.address >>> (32 - bits)
}

function parseRange(range: string): { address: number; bits: number } {
  const [address = '', bits = '32'] = range.split('/')
  return { address: address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0), bits: Number(bits) }
}
