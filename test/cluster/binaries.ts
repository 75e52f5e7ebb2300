import { spawn } from 'node:child_process'
import { access, mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { withLock } from './lock.ts'
import { cacheRoot, projectRoot } from './paths.ts'

const kubernetes = join(projectRoot, 'test/cluster/modules/kubernetes')
const tools = join(projectRoot, 'test/cluster/modules/tools')
const prometheus = join(projectRoot, 'test/cluster/modules/prometheus')
const natsServer = join(projectRoot, 'sidecar/embedded/nats-server')

type Recipe = { directory: string; package: string; module: string; tags?: string }

/** Prometheus without the service discoveries of clouds, which are most of its build. */
const noClouds = 'remove_all_sd,enable_kubernetes_sd'

const recipes = {
  'kube-apiserver': kubernetesRecipe('kube-apiserver'),
  'kube-controller-manager': kubernetesRecipe('kube-controller-manager'),
  'kube-proxy': kubernetesRecipe('kube-proxy'),
  'kube-scheduler': kubernetesRecipe('kube-scheduler'),
  kubectl: kubernetesRecipe('kubectl'),
  kubelet: kubernetesRecipe('kubelet'),
  etcd: { directory: tools, package: 'go.etcd.io/etcd/server/v3', module: 'go.etcd.io/etcd/server/v3' },
  coredns: { directory: tools, package: 'github.com/coredns/coredns', module: 'github.com/coredns/coredns' },
  helm: { directory: tools, package: 'helm.sh/helm/v4/cmd/helm', module: 'helm.sh/helm/v4' },
  kind: { directory: tools, package: 'sigs.k8s.io/kind', module: 'sigs.k8s.io/kind' },
  prometheus: {
    directory: prometheus,
    package: 'github.com/prometheus/prometheus/cmd/prometheus',
    module: 'github.com/prometheus/prometheus',
    tags: noClouds,
  },
  promtool: {
    directory: prometheus,
    package: 'github.com/prometheus/prometheus/cmd/promtool',
    module: 'github.com/prometheus/prometheus',
    tags: noClouds,
  },
  'nats-server': {
    directory: natsServer,
    package: 'github.com/nats-io/nats-server/v2',
    module: 'github.com/nats-io/nats-server/v2',
  },
} satisfies Record<string, Recipe>

export type BinaryName = keyof typeof recipes

function kubernetesRecipe(command: string): Recipe {
  return { directory: kubernetes, package: `k8s.io/kubernetes/cmd/${command}`, module: 'k8s.io/kubernetes' }
}

/**
 * The path of a program, built from its Go module if the cache does not have it yet (minutes for Kubernetes, which
 * builds once). Progress goes to standard error.
 * @throws Error when there is no Go, or the build fails.
 */
export async function binary(name: BinaryName): Promise<string> {
  const path = await cachePath(name)
  const present = () =>
    access(path).then(
      () => true,
      () => false,
    )
  if (await present()) return path
  const lock = join(cacheRoot, `build-${basename(recipes[name].directory)}.lock`)
  await withLock(
    lock,
    () => console.error(`${name}: waiting for another process that builds`),
    async () => (await present()) || build(name, path),
  )
  return path
}

async function cachePath(name: BinaryName): Promise<string> {
  const { tags }: Recipe = recipes[name]
  const built = [name, await binaryVersion(name), ...(tags?.split(',') ?? [])]
  return join(cacheRoot, built.join('-'), name)
}

/** The version, with its `v`, that go.mod pins. */
export async function binaryVersion(name: BinaryName): Promise<string> {
  const { directory, module } = recipes[name]
  const goMod = join(directory, 'go.mod')
  const version = requiredVersion(await readFile(goMod, 'utf8'), module)
  if (!version)
    throw new Error(`${goMod} requires no version of ${module}; add it with: go get -tool ${module}@<version>`)
  return version
}

/** The version of `module` in the text of a go.mod file. */
export function requiredVersion(goMod: string, module: string): string | undefined {
  for (const line of goMod.split('\n')) {
    const [name, version] = line
      .trim()
      .replace(/^require /, '')
      .split(/\s+/)
    if (name === module && version?.startsWith('v')) return version
  }
  return undefined
}

/** Linker flags: small binaries, and for Kubernetes the version that it tells (without it: v0.0.0). */
export function linkerFlags(module: string, version: string): string {
  if (module !== 'k8s.io/kubernetes') return '-s -w'
  const [major, minor] = version.slice(1).split('.')
  const stamps = { gitVersion: version, gitMajor: major, gitMinor: minor, gitTreeState: 'clean' }
  return [
    '-s -w',
    ...Object.entries(stamps).map(([key, value]) => `-X k8s.io/component-base/version.${key}=${value}`),
  ].join(' ')
}

async function build(name: BinaryName, path: string): Promise<void> {
  const recipe: Recipe = recipes[name]
  await mkdir(dirname(path), { recursive: true })
  const output = await mkdtemp(join(dirname(path), 'building-'))
  try {
    const target = join(output, name)
    const flags = linkerFlags(recipe.module, await binaryVersion(name))
    await goBuild(
      recipe.directory,
      ['-trimpath', `-tags=${recipe.tags ?? ''}`, '-ldflags', flags, '-o', target, recipe.package],
      name,
    )
    await rename(target, path)
  } finally {
    await rm(output, { recursive: true, force: true })
  }
}

/** What `nice` ends with when there is no such program. */
const NOT_FOUND = 127

async function goBuild(directory: string, options: string[], name: string): Promise<void> {
  const started = Date.now()
  console.error(`${name}: building ${basename(directory)} module's ${options.at(-1)}`)
  // What else runs meanwhile, as tests do, is to have the processor first.
  const go = spawn('nice', ['-n', '19', 'go', 'build', '-v', ...options], {
    cwd: directory,
    env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-buildvcs=false' },
    stdio: ['ignore', 'inherit', 'pipe'],
  })
  const tail: string[] = []
  let lines = 0
  let told = started
  createInterface({ input: go.stderr }).on('line', (line) => {
    lines += 1
    tail.push(line)
    if (tail.length > 30) tail.shift()
    if (Date.now() - told < 15_000) return
    told = Date.now()
    console.error(`  ${name}: ${lines} packages, ${seconds(started)}`)
  })
  const code = await new Promise<number | null>((resolve, reject) => {
    go.once('close', resolve)
    go.once('error', reject)
  })
  if (code === NOT_FOUND) throw noGo(name)
  if (code !== 0) throw new Error(`go build of ${name} in ${directory} failed:\n${tail.join('\n')}`)
  console.error(`  ${name}: built in ${seconds(started)}`)
}

function noGo(name: string): Error {
  return new Error(
    `${name} has to be built from source and there is no Go: install Go 1.26 or newer (https://go.dev/doc/install)`,
  )
}

function seconds(since: number): string {
  return `${Math.round((Date.now() - since) / 1000)} s`
}
