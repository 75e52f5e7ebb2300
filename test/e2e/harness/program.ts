import { join } from 'node:path'
import { build } from 'esbuild'
import { projectRoot } from '../../cluster/paths.ts'
import { node } from '../../cluster/images/catalog.ts'

const CREDENTIALS = '/credentials'
const PROGRAM = '/program'
const PROGRAM_FILE = 'main.mjs'
const DATA = '/data'
const USER = 65532

export interface DeploymentOptions {
  /** Whose client's credentials are mounted. */
  readonly broker: string
  readonly env: Readonly<Record<string, string>>
  /** Served under the program's name, and told to it as PORT. */
  readonly port?: number
  /** Size of a volume of its own, which outlives the pod; its path is told to it as DATA. */
  readonly volume?: string
}

/** A program of test/e2e/programs, with all that it imports, in one file. */
async function bundled(program: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(projectRoot, 'test/e2e/programs', `${program}.ts`)],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    minify: true,
    banner: { js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);" },
  })
  return outputFiles[0]?.text ?? ''
}

/** A Deployment of a program that speaks to a broker, with the client's credentials mounted; it fits Pod Security `restricted`. */
export async function deploymentOf(
  program: string,
  { broker, env, port, volume }: DeploymentOptions,
): Promise<object[]> {
  const told = {
    ...env,
    CREDENTIALS,
    ...(port === undefined ? {} : { PORT: String(port) }),
    ...(volume === undefined ? {} : { DATA }),
  }
  const container = {
    name: 'main',
    image: node.image,
    command: ['node', `${PROGRAM}/${PROGRAM_FILE}`],
    env: Object.entries(told).map(([name, value]) => ({ name, value })),
    volumeMounts: [
      { name: 'program', mountPath: PROGRAM },
      { name: 'credentials', mountPath: CREDENTIALS },
      ...(volume === undefined ? [] : [{ name: 'data', mountPath: DATA }]),
    ],
    securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
  }
  const metadata = { name: program }
  return [
    ...(port === undefined ? [] : [service(program, port)]),
    ...(volume === undefined ? [] : [claim(program, volume)]),
    { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { [PROGRAM_FILE]: await bundled(program) } },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: {
        selector: { matchLabels: { program } },
        template: {
          metadata: { labels: { program } },
          spec: {
            automountServiceAccountToken: false,
            terminationGracePeriodSeconds: 5,
            securityContext: {
              runAsNonRoot: true,
              runAsUser: USER,
              fsGroup: USER,
              seccompProfile: { type: 'RuntimeDefault' },
            },
            containers: [container],
            volumes: [
              { name: 'program', configMap: { name: program } },
              { name: 'credentials', secret: { secretName: `${broker}-client` } },
              ...(volume === undefined ? [] : [{ name: 'data', persistentVolumeClaim: { claimName: program } }]),
            ],
          },
        },
      },
    },
  ]
}

const service = (program: string, port: number): object => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: program },
  spec: { selector: { program }, ports: [{ port }] },
})

const claim = (program: string, size: string): object => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: program },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: size } } },
})
