// Bundles what the images run, one file each: dist/operator.mjs, dist/sidecar.mjs, and dist/helm-test.mjs, which `helm test` runs.
// Names as arguments: only those.
import { build } from 'esbuild'
import { readFileSync } from 'node:fs'

const { version } = JSON.parse(readFileSync('package.json', 'utf8'))
const programs = { operator: 'operator/main.ts', sidecar: 'sidecar/main.ts', 'helm-test': 'charts/helm-test/main.ts' }
const wanted = process.argv.slice(2)
await build({
  entryPoints: Object.fromEntries(
    Object.entries(programs).filter(([name]) => wanted.length === 0 || wanted.includes(name)),
  ),
  outdir: 'dist',
  outExtension: { '.js': '.mjs' },
  bundle: true,
  platform: 'node',
  target: 'node26',
  format: 'esm',
  minifySyntax: true,
  minifyWhitespace: true,
  keepNames: true,
  define: { 'process.env.PILLION_VERSION': JSON.stringify(version) },
  // CommonJS packages inside an ES module bundle still ask for require().
  banner: { js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);" },
  logLevel: 'info',
})
