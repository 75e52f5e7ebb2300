import { defineConfig } from 'vitest/config'

/** Tests that share a machine with a cluster are not quick; these bounds only end what hangs. Milliseconds. */
const HANGS = 120_000

const project = (name: string, include: string[], more: object = {}) => ({
  test: { name, include, testTimeout: HANGS, hookTimeout: HANGS, ...more },
})

/** Run one at a time in this order by `npm test`; the later ones start more of the real thing. */
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
      project('nats', ['test/{sidecar,clients}/**/*.test.ts'], { fileParallelism: false }),
      project('api-server', ['test/{api-server,operator,chart}/**/*.test.ts'], {
        fileParallelism: false,
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
