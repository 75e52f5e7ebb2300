import { defineConfig } from 'vitest/config'

/** Tests that share a machine with a cluster are not quick; these bounds only end what hangs. Milliseconds. */
const HANGS = 120_000

const project = (name: string, include: string[], more: object = {}) => ({
  test: { name, include, testTimeout: HANGS, hookTimeout: HANGS, ...more },
})

/** `npm test` runs them in two rows. What mostly waits has more workers than a small machine has cores. */
export default defineConfig({
  root: `${import.meta.dirname}/..`,
  test: {
    projects: [
      project(
        'unit',
        [
          '{crds,operator,sidecar,charts}/**/*.test.ts',
          'test/*.test.ts',
          'test/{bench,chaos,cluster,harness,model,verify}/**/!(cluster).test.ts',
        ],
        {
          testTimeout: 30_000,
        },
      ),
      project('nats', ['test/{sidecar,clients}/**/*.test.ts'], { maxWorkers: 3 }),
      project('api-server', ['test/{api-server,operator,chart}/**/*.test.ts'], {
        maxWorkers: 2,
        hookTimeout: 1_200_000,
      }),
      project('local-cluster', ['test/cluster/cluster.test.ts'], { hookTimeout: 1_800_000 }),
      project('cluster', ['test/e2e/**/*.test.ts'], {
        globalSetup: 'test/e2e/global-setup.ts',
        fileParallelism: false,
        testTimeout: 600_000,
        hookTimeout: 1_800_000,
      }),
    ],
  },
})
