import { join } from 'node:path'
import { build } from 'esbuild'
import { projectRoot } from '../../cluster/paths.ts'
import { node } from '../../cluster/images/catalog.ts'

const CREDENTIALS = '/credentials'
const PROGRAM = '/program'
const PROGRAM_FILE = 'main.mjs'

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
  { broker, env }: { readonly broker: string; readonly env: Readonly<Record<string, string>> },
): Promise<object[]> {
  const container = {
    name: 'main',
    image: node.image,
    command: ['node', `${PROGRAM}/${PROGRAM_FILE}`],
    env: Object.entries({ ...env, CREDENTIALS }).map(([name, value]) => ({ name, value })),
    volumeMounts: [
      { name: 'program', mountPath: PROGRAM },
      { name: 'credentials', mountPath: CREDENTIALS },
    ],
    securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
  }
  return [
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: program },
      data: { [PROGRAM_FILE]: await bundled(program) },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: program },
      spec: {
        selector: { matchLabels: { program } },
        template: {
          metadata: { labels: { program } },
          spec: {
            automountServiceAccountToken: false,
            terminationGracePeriodSeconds: 5,
            securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: 'RuntimeDefault' } },
            containers: [container],
            volumes: [
              { name: 'program', configMap: { name: program } },
              { name: 'credentials', secret: { secretName: `${broker}-client` } },
            ],
          },
        },
      },
    },
  ]
}
