import { describe, expect, it } from 'vitest'
import { ConfigError, readConfig } from './config.ts'

const good = { PILLION_SIDECAR_IMAGE: 'sidecar:1', PILLION_NATS_IMAGE: 'nats:1', PILLION_NAMESPACE: 'pillion-system' }

describe('readConfig', () => {
  it('fills in what is left out or empty', () => {
    expect(readConfig({ ...good, PILLION_WATCH_NAMESPACES: '', PILLION_RESYNC: '' })).toEqual({
      sidecarImage: 'sidecar:1',
      natsImage: 'nats:1',
      imagePullPolicy: undefined,
      resyncMs: 30_000,
      namespace: 'pillion-system',
      watchNamespaces: [],
      reach: 'Service',
      httpHost: '0.0.0.0',
      httpPort: 8080,
      logLevel: 'info',
    })
  })

  it('reads what is set', () => {
    const config = readConfig({
      ...good,
      PILLION_IMAGE_PULL_POLICY: 'Never',
      PILLION_RESYNC: '1m30s',
      PILLION_WATCH_NAMESPACES: 'shop, bank,shop',
      PILLION_REACH: 'ApiServerProxy',
      PILLION_HTTP_PORT: '0',
      PILLION_LOG_LEVEL: 'debug',
    })
    expect(config).toMatchObject({
      imagePullPolicy: 'Never',
      resyncMs: 90_000,
      watchNamespaces: ['shop', 'bank'],
      reach: 'ApiServerProxy',
      httpPort: 0,
      logLevel: 'debug',
    })
  })

  it('names every variable that is wrong, what it is and what to write', () => {
    const read = () =>
      readConfig({
        PILLION_NATS_IMAGE: ' ',
        PILLION_IMAGE_PULL_POLICY: 'Sometimes',
        PILLION_RESYNC: '30 seconds',
        PILLION_WATCH_NAMESPACES: 'shop,Not_A_Name',
        PILLION_REACH: 'Telepathy',
        PILLION_HTTP_PORT: '80800',
        PILLION_HTTP_HOST: 'localhost',
        PILLION_LOG_LEVEL: 'loud',
      })
    expect(read).toThrow(ConfigError)
    for (const line of [
      'PILLION_SIDECAR_IMAGE: must name the image of the sidecar; it is ""',
      'PILLION_NATS_IMAGE: must name the image of nats-server; it is " "',
      'PILLION_NAMESPACE: must name the namespace',
      'PILLION_IMAGE_PULL_POLICY: must be one of Always, IfNotPresent, Never; it is "Sometimes"',
      'PILLION_RESYNC: must be a duration from 1s to 1h, written like 30s or 5m; it is "30 seconds"',
      'PILLION_WATCH_NAMESPACES: must be names of namespaces, separated by commas; Not_A_Name is none',
      'PILLION_REACH: must be one of Service, ApiServerProxy; it is "Telepathy"',
      'PILLION_HTTP_PORT: must be a port from 0 (any) to 65535; it is "80800"',
      'PILLION_HTTP_HOST: must be an IP address',
      'PILLION_LOG_LEVEL: must be one of trace, debug',
    ]) {
      expect(read).toThrow(line)
    }
  })

  it.each(['999ms', '61m', '0s', '-5s', '5'])('refuses a resync of %s', (resync) => {
    expect(() => readConfig({ ...good, PILLION_RESYNC: resync })).toThrow('PILLION_RESYNC')
  })
})
