import { stringify } from 'yaml'

/** A kubeconfig for one user with a bearer token. `ca` is the authority's certificate as PEM text. */
export function kubeconfig(server: string, ca: string, token: string): string {
  const name = 'pillion'
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server, 'certificate-authority-data': Buffer.from(ca).toString('base64') } }],
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  })
}
