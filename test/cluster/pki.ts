import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { access, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from './run.ts'

/** Who may speak to the API server, and as what: user name and groups. */
export const identities = {
  admin: { user: 'admin', groups: ['system:masters'] },
  'kube-controller-manager': { user: 'system:kube-controller-manager', groups: [] },
  'kube-scheduler': { user: 'system:kube-scheduler', groups: [] },
  'kube-proxy': { user: 'system:kube-proxy', groups: [] },
  kubelet: { user: 'system:node:pillion', groups: ['system:nodes'] },
  coredns: { user: 'pillion:coredns', groups: [] },
  volumes: { user: 'pillion:volumes', groups: [] },
} as const

export type Identity = keyof typeof identities

/** Paths of keys and certificates, and the tokens. */
export type Credentials = {
  ca: string
  serving: { certificate: string; key: string }
  kubeletClient: { certificate: string; key: string }
  serviceAccount: { publicKey: string; privateKey: string }
  tokenFile: string
  token: (identity: Identity) => string
}

/** Makes the credentials of a cluster in `directory`, or reads those already there. */
export async function ensureCredentials(directory: string, addresses: string[]): Promise<Credentials> {
  const exists = await access(directory).then(
    () => true,
    () => false,
  )
  if (!exists) await createAtOnce(directory, addresses)
  const at = (name: string) => join(directory, name)
  return {
    ca: at('ca.crt'),
    serving: { certificate: at('kube-apiserver.crt'), key: at('kube-apiserver.key') },
    kubeletClient: { certificate: at('kubelet-client.crt'), key: at('kubelet-client.key') },
    serviceAccount: { publicKey: at('service-account.pub'), privateKey: at('service-account.key') },
    tokenFile: at('tokens.csv'),
    token: parseTokens(await readFile(at('tokens.csv'), 'utf8')),
  }
}

/** A crash leaves no half-made folder under the final name. */
async function createAtOnce(directory: string, addresses: string[]): Promise<void> {
  const temporary = `${directory}.new`
  await rm(temporary, { recursive: true, force: true })
  await mkdir(temporary, { recursive: true, mode: 0o700 })
  await createAuthority(temporary)
  const names = [
    'kubernetes',
    'kubernetes.default',
    'kubernetes.default.svc',
    'kubernetes.default.svc.cluster.local',
    'localhost',
  ]
  const alternatives = [...names.map((name) => `DNS:${name}`), ...addresses.map((address) => `IP:${address}`)].join(',')
  await createCertificate(temporary, 'kube-apiserver', '/CN=kube-apiserver', `subjectAltName=${alternatives}`)
  await createCertificate(
    temporary,
    'kubelet-client',
    '/O=system:masters/CN=kube-apiserver-kubelet-client',
    'extendedKeyUsage=clientAuth',
  )
  const pair = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  await writeFile(join(temporary, 'service-account.pub'), pair.publicKey, { mode: 0o600 })
  await writeFile(join(temporary, 'service-account.key'), pair.privateKey, { mode: 0o600 })
  await writeFile(
    join(temporary, 'tokens.csv'),
    renderTokens(() => randomBytes(24).toString('hex')),
    { mode: 0o600 },
  )
  await rename(temporary, directory)
}

async function createAuthority(directory: string): Promise<void> {
  const extensions = [
    '-addext',
    'basicConstraints=critical,CA:TRUE',
    '-addext',
    'keyUsage=critical,keyCertSign,cRLSign',
  ]
  const output = ['-keyout', join(directory, 'ca.key'), '-out', join(directory, 'ca.crt')]
  await run('openssl', [
    'req',
    '-x509',
    ...newKey,
    '-subj',
    '/CN=pillion-cluster-ca',
    ...validity,
    ...extensions,
    ...output,
  ])
}

async function createCertificate(directory: string, name: string, subject: string, extension: string): Promise<void> {
  const issuer = ['-CA', join(directory, 'ca.crt'), '-CAkey', join(directory, 'ca.key')]
  const output = ['-keyout', join(directory, `${name}.key`), '-out', join(directory, `${name}.crt`)]
  const extensions = ['-addext', extension, '-addext', 'basicConstraints=critical,CA:FALSE']
  await run('openssl', ['req', '-x509', ...newKey, '-subj', subject, ...validity, ...issuer, ...extensions, ...output])
}

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
const validity = ['-days', '3650']

/** A static token file: token, user, uid, groups. */
function renderTokens(makeToken: () => string): string {
  const lines = Object.values(identities).map(
    ({ user, groups }) => `${makeToken()},${user},${user},"${groups.join(',')}"`,
  )
  return `${lines.join('\n')}\n`
}

function parseTokens(csv: string): (identity: Identity) => string {
  const byUser = new Map(csv.split('\n').map((line) => [line.split(',')[1], line.split(',')[0]]))
  return (identity) => {
    const token = byUser.get(identities[identity].user)
    if (!token)
      throw new Error(
        `the cluster's token file has no token for ${identity}; run "npm run cluster -- down" and up again`,
      )
    return token
  }
}
