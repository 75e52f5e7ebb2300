import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Component } from './component.ts'
import { ensureRunning, parseStartTime, pidOf, type Place, startProcess, stopProcess } from './processes.ts'

const stat = (state: string, threads: number) =>
  `42 (a) b (c) ${state} 1 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 ${threads} 0 987654 1 2 3`

test('reads the start time, whatever the program calls itself', () => {
  expect(parseStartTime(stat('S', 1))).toBe('987654')
})

test('takes a zombie for ended only when none of its threads is left', () => {
  expect(parseStartTime(stat('Z', 1))).toBeUndefined()
  expect(parseStartTime(stat('Z', 3))).toBe('987654')
})

describe.skipIf(process.platform !== 'linux')('processes (Linux)', () => {
  let directory: string
  let place: Place
  const sleeper = (seconds: number): Component => ({
    name: 'sleeper',
    command: ['sleep', String(seconds)],
    probe: { command: ['true'] },
  })

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'pillion-processes-'))
    place = { pids: join(directory, 'pids'), logs: join(directory, 'logs'), endWithParent: true }
  })

  afterEach(async () => {
    await stopProcess('sleeper', place)
    await rm(directory, { recursive: true })
  })

  test('leaves what runs as wanted, and restarts what is to run otherwise', async () => {
    expect(await ensureRunning(sleeper(600), place)).toBe('started')
    const first = await pidOf('sleeper', place)
    expect(await ensureRunning(sleeper(600), place)).toBe('running')
    expect(await pidOf('sleeper', place)).toBe(first)
    expect(await ensureRunning(sleeper(601), place)).toBe('restarted')
    expect(await pidOf('sleeper', place)).not.toBe(first)
  })

  test('starts again what was killed', async () => {
    await startProcess(sleeper(600), place)
    process.kill((await pidOf('sleeper', place)) ?? 0, 'SIGKILL')
    await expect.poll(() => pidOf('sleeper', place)).toBeUndefined()
    expect(await ensureRunning(sleeper(600), place)).toBe('started')
  })

  test('ends no process that merely has the number of a pid file', async () => {
    await startProcess(sleeper(600), place)
    const pidFile = join(place.pids, 'sleeper.pid')
    const pid = (await pidOf('sleeper', place)) ?? 0
    const record = await readFile(pidFile, 'utf8')
    await writeFile(pidFile, record.replace(/"startTime":"\d+"/, '"startTime":"1"'))
    expect(await stopProcess('sleeper', place)).toBe(false)
    expect(() => process.kill(pid, 0)).not.toThrow()
    await writeFile(pidFile, record)
    expect(await stopProcess('sleeper', place)).toBe(true)
  })

  test('takes a pid file of an earlier boot for stale', async () => {
    await startProcess(sleeper(600), place)
    const pidFile = join(place.pids, 'sleeper.pid')
    const record = await readFile(pidFile, 'utf8')
    await writeFile(pidFile, record.replace(/"boot":"[^"]+"/, '"boot":"another"'))
    expect(await pidOf('sleeper', place)).toBeUndefined()
    await writeFile(pidFile, record)
  })

  test('says what a program that ends at once wrote', async () => {
    const failing: Component = {
      name: 'sleeper',
      command: ['sh', '-c', 'echo no such port >&2; exit 1'],
      probe: { command: ['false'] },
    }
    await expect(startProcess(failing, place)).rejects.toThrow(/sleeper ended; [\s\S]*no such port/)
  })
})
