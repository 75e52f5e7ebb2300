import { describe, expect, it } from 'vitest'
import { brokerOf } from '../../test/operator/harness/desired.ts'
import { configMap } from './config-map.ts'

const configOf = (spec: object, bytes = 10 * 2 ** 30) => configMap(brokerOf(spec), bytes).data?.['nats.conf']

describe('the ConfigMap', () => {
  it('names passwords by environment variable alone', () => {
    expect(configOf({})).toContain('password: $PILLION_SIDECAR_PASSWORD')
    expect(configOf({})).toContain('password: $PILLION_CLIENT_PASSWORD')
  })

  it('has nats-server sync as the durability says', () => {
    expect(configOf({})).toContain('sync_interval: always')
    expect(configOf({ durability: 'Interval' })).toContain('sync_interval: "1000ms"')
    expect(configOf({ durability: 'Interval', syncInterval: '250ms' })).toContain('sync_interval: "250ms"')
  })

  it('leaves room on the volume', () => {
    const limit = Number(/max_file_store: (\d+)/.exec(configOf({}, 1_000_000_000) ?? '')?.[1])
    expect(limit).toBeLessThan(1_000_000_000)
    expect(limit).toBeGreaterThan(800_000_000)
  })
})
