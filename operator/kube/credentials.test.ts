import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createSecureServer, type Http2SecureServer } from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { KubeConfig } from '@kubernetes/client-node/dist/config.js'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { FakeClock } from '../../test/operator/harness/fake-clock.ts'
import { KubeClient } from './client.ts'
import { Credentials } from './credentials.ts'
import { namespaces } from './resources.ts'
import { httpTransport } from './transport.ts'

/** Answers 401 to any token but the one that is right, over HTTP/1.1 or HTTP/2 as the client likes. */
describe('Credentials', () => {
  let directory = ''
  let server: Http2SecureServer
  let port = 0
  let right = 'Bearer one'
  const requests: { version: string; authorization: string | undefined }[] = []

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'pillion-credentials-'))
    const [key, cert] = [join(directory, 'key.pem'), join(directory, 'ca.crt')]
    const subject = ['-subj', '/CN=test', '-addext', 'subjectAltName=IP:127.0.0.1']
    const fresh = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']
    await promisify(execFile)('openssl', [...fresh, '-keyout', key, '-out', cert, ...subject])
    const options = { key: await readFile(key), cert: await readFile(cert), allowHTTP1: true }
    server = createSecureServer(options, (request, response) => {
      const { authorization } = request.headers
      requests.push({ version: request.httpVersion, authorization })
      response.writeHead(authorization === right ? 200 : 401, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ kind: 'Namespace', metadata: { name: 'n' }, message: 'Unauthorized' }))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    port = address.port
  })
  afterAll(async () => {
    server.close()
    await rm(directory, { recursive: true })
  })
  beforeEach(async () => {
    requests.length = 0
    right = 'Bearer one'
    await writeFile(join(directory, 'token'), 'one')
  })

  /** As inside a cluster: CA and token are files, which a kubelet renews. */
  function inCluster(clock = new FakeClock()): KubeClient {
    const credentials = new Credentials(() => {
      const config = new KubeConfig()
      config.loadFromClusterAndUser(
        { name: 'c', server: `https://127.0.0.1:${port}`, caFile: join(directory, 'ca.crt'), skipTLSVerify: false },
        { name: 'u', authProvider: { name: 'tokenFile', config: { tokenFile: join(directory, 'token') } } },
      )
      return config
    }, clock)
    return new KubeClient({ transport: httpTransport(credentials) })
  }
  const read = (client: KubeClient) => client.get(namespaces, { namespace: '', name: 'n' })

  it('speaks HTTP/1.1 even where HTTP/2 is offered', async () => {
    await read(inCluster())
    expect(requests).toEqual([{ version: '1.1', authorization: 'Bearer one' }])
  })

  it('reads the token again after a 401, and tries once more', async () => {
    const client = inCluster()
    await read(client)
    await writeFile(join(directory, 'token'), 'two')
    right = 'Bearer two'
    await read(client)
    expect(requests.map(({ authorization }) => authorization)).toEqual(['Bearer one', 'Bearer one', 'Bearer two'])
  })

  it('gives up where the new token is refused as well, and says what to look at', async () => {
    right = 'Bearer other'
    await expect(read(inCluster())).rejects.toThrow('401')
    await expect(read(inCluster())).rejects.toThrow('Check the service account, or the kubeconfig')
  })

  it('says which cluster is missing', async () => {
    const credentials = new Credentials(() => new KubeConfig(), new FakeClock())
    await expect(credentials.access()).rejects.toThrow('no cluster to talk to')
  })
})
