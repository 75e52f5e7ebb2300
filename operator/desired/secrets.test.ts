import { describe, expect, it } from 'vitest'
import { brokerOf } from '../../test/operator/harness/desired.ts'
import { clientSecret, newSecret, secretText, sidecarSecret } from './secrets.ts'

describe('the Secrets', () => {
  it('one for applications to mount: where, and as whom', () => {
    const secret = clientSecret(brokerOf(), 'hush')
    expect(secret.metadata.name).toBe('main-client')
    expect(['url', 'username', 'password'].map((key) => secretText(secret, key))).toEqual([
      'nats://main.shop.svc:4222',
      'client',
      'hush',
    ])
  })

  it('one for the sidecar, which applications need not see', () => {
    const secret = sidecarSecret(brokerOf(), 'hush', 'token')
    expect(secret.metadata.name).toBe('main-sidecar')
    expect(['username', 'password', 'token'].map((key) => secretText(secret, key))).toEqual([
      'sidecar',
      'hush',
      'token',
    ])
  })

  it('a password is never the same twice, and begins with a letter for the sake of nats-server', () => {
    const made = Array.from({ length: 200 }, newSecret)
    expect(new Set(made).size).toBe(200)
    for (const password of made) expect(password).toMatch(/^[a-z][0-9a-f]{48}$/)
  })

  it('what is missing or empty is nothing', () => {
    const secret = { ...clientSecret(brokerOf(), 'x'), data: { password: '' } }
    expect(secretText(secret, 'password')).toBeUndefined()
    expect(secretText(secret, 'url')).toBeUndefined()
    expect(secretText(undefined, 'password')).toBeUndefined()
  })
})
