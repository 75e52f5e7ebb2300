import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '../../cluster/run.ts'
import { cacheFolder } from '../../harness/cache.ts'
import { PeerMissing } from './peer.ts'

/** Debian's newest, so that peers are measured as their makers have them now. */
const SUITE = 'sid'
/** What scripts of packages take for granted: Debian's packages do not name those as needed. */
const ESSENTIAL = ['base-files', 'dash', 'coreutils', 'sed', 'grep', 'mawk', 'hostname']
/** Where a server finds its own names and users. Nothing of a package's set-up was run. */
const ETC = {
  hosts: '127.0.0.1 localhost\n',
  'nsswitch.conf': 'hosts: files\npasswd: files\ngroup: files\n',
  passwd: 'root:x:0:0:root:/data:/bin/sh\n',
  group: 'root:x:0:\n',
}
const VERSION_FILE = 'pillion-version'

/** A Debian package unpacked into the cache with all that it needs, down to its C library: a root of its own. */
export interface DebianRoot {
  readonly path: string
  /** Of the package, as its makers count, without Debian's additions. */
  readonly version: string
}

/**
 * Unpacks packages, unless they are in the cache, with an apt that has lists, cache and state of its own: nothing is installed on this system, and
 * nothing starts by itself.
 *
 * @param names of packages, the first of which it is about
 * @param more is done to a fresh root, once
 */
export async function debianRoot(
  names: readonly [string, ...string[]],
  progress: (line: string) => void,
  more: (root: string) => Promise<void> = async () => undefined,
): Promise<DebianRoot> {
  const path = cacheFolder('bench', 'peers', names.join('+'))
  const versionFile = join(path, VERSION_FILE)
  if (!existsSync(versionFile)) await unpack(names, path, progress, more)
  return { path, version: await readFile(versionFile, 'utf8') }
}

/** @throws PeerMissing when a tool that gets or runs peers is not on this machine; @param why it is needed */
export async function need(tool: string, why: string): Promise<void> {
  await run(tool, ['--version']).catch((error: unknown) => {
    throw new PeerMissing(`${tool} is not there: ${why}`, { cause: error })
  })
}

async function unpack(
  names: readonly [string, ...string[]],
  path: string,
  progress: (line: string) => void,
  more: (root: string) => Promise<void>,
): Promise<void> {
  const [name] = names
  for (const tool of ['apt-get', 'dpkg-deb', 'unshare'])
    await need(tool, 'peers come as packages of Debian, which takes Linux and that tool')
  progress(`getting Debian's ${name} (about half a minute, once) …`)
  const unfinished = `${path}.${process.pid}`
  try {
    const apt = await ownApt(join(unfinished, 'apt'))
    await apt('apt-get', ['update'])
    await apt('apt-get', ['install', '--download-only', '--yes', ...names, ...ESSENTIAL])
    const policy = await apt('apt-cache', ['policy', name])
    const root = join(unfinished, 'root')
    await mkdir(root)
    // Makes the links from /bin to /usr/bin and such that all others go through.
    const archives = join(unfinished, 'apt', 'archives')
    const packages = (await readdir(archives)).filter((file) => file.endsWith('.deb'))
    for (const file of packages.toSorted((a, b) => Number(isBase(b)) - Number(isBase(a)))) {
      await run('dpkg', ['-x', join(archives, file), root])
    }
    for (const [file, text] of Object.entries(ETC)) await writeFile(join(root, 'etc', file), text)
    await mkdir(join(root, 'data'))
    await more(root)
    await writeFile(join(root, VERSION_FILE), upstream(/Candidate: (\S+)/.exec(policy)?.[1] ?? ''))
    await rename(root, path)
  } catch (error) {
    if (error instanceof PeerMissing) throw error
    throw new PeerMissing(`Debian's package ${name} could not be had`, { cause: error })
  } finally {
    await rm(unfinished, { recursive: true, force: true })
  }
}

const isBase = (file: string): boolean => file.startsWith('base-files_')

/** `5:8.0.6-3` is version 8.0.6. */
export const upstream = (version: string): string => version.replace(/^\d+:/, '').replace(/-[^-]*$/, '')

/** apt with the mirror that this system has, but with lists, cache and state in `folder`, and no package installed. */
async function ownApt(folder: string): Promise<(command: string, args: string[]) => Promise<string>> {
  const format = '$(REPO_URI) $(SUITE)'
  const targets = await run('apt-get', ['indextargets', '--format', format, 'Identifier: Packages', 'Origin: Debian'])
  const mirror = targets
    .split('\n')
    .map((line) => line.split(' '))
    .find(([, suite]) => suite !== undefined && !suite.includes('-'))?.[0]
  if (mirror === undefined) throw new PeerMissing('apt-get has no list of Debian packages: run `apt-get update` once')
  await mkdir(join(folder, 'lists', 'partial'), { recursive: true })
  await mkdir(join(folder, 'archives', 'partial'), { recursive: true })
  await writeFile(join(folder, 'status'), '')
  await writeFile(join(folder, 'sources.list'), `deb ${mirror} ${SUITE} main\n`)
  const settings = {
    'Dir::Etc::sourcelist': join(folder, 'sources.list'),
    'Dir::Etc::sourceparts': '-',
    'Dir::State::lists': join(folder, 'lists'),
    'Dir::State::status': join(folder, 'status'),
    'Dir::Cache': folder,
    'Dir::Cache::archives': join(folder, 'archives'),
    'APT::Install-Recommends': 'false',
    // As root it would download as a user who may not write here.
    'APT::Sandbox::User': 'root',
  }
  const options = Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`])
  return (command, args) => run(command, [...options, ...args])
}
