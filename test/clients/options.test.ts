import { describe, expect, test } from 'vitest'
import { LANGUAGES } from './language.ts'
import { CLIENT_MODE_NAMES } from './modes.ts'
import { readOptions } from './options.ts'

describe('the options of npm run conformance', () => {
  test('are every language and mode on an embedded broker where nothing is given', () => {
    expect(readOptions([])).toEqual({
      languages: LANGUAGES,
      modes: CLIENT_MODE_NAMES,
      target: undefined,
      json: false,
      table: false,
    })
    expect(readOptions(['--mode', 'all', '--lang', 'go'])).toMatchObject({
      languages: ['go'],
      modes: CLIENT_MODE_NAMES,
    })
    expect(readOptions(['--help'])).toBeUndefined()
  })

  test('name one Queue of a broker that is there', () => {
    const url = 'nats://127.0.0.1:4222'
    expect(readOptions(['--server', url])?.target).toEqual({ url, queue: 'orders', mode: 'Fifo' })
    const given = ['--server', url, '--mode', 'Lru', '--queue', 'pages', '--user', 'client', '--password', 'secret']
    const target = { url, queue: 'pages', mode: 'Lru', user: 'client', password: 'secret' }
    expect(readOptions(given)).toMatchObject({ modes: ['Lru'], target })
  })

  test.for([
    [['--lang', 'rust'], /--lang is "rust"/],
    [['--mode', 'Lifo'], /--mode is "Lifo"/],
    [['--mode', 'all', '--server', 'nats://127.0.0.1:4222'], /--mode is the mode of --queue/],
    [['--queue', 'orders'], /--queue needs --server/],
    [['--table', '--lang', 'go'], /--table is of all languages/],
    [['--modes', 'Lru'], /--modes/],
  ] as const)('%j is refused', ([args, message]) => {
    expect(() => readOptions(args)).toThrow(message)
  })
})
