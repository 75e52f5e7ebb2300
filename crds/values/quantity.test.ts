import { fc, test as property } from '@fast-check/vitest'
import { describe, expect, test } from 'vitest'
import { compareSizes, isSize, parseQuantity, SIZE_MAX_LENGTH, sizesFit } from './quantity.ts'

describe('parseQuantity', () => {
  test.each([
    ['0', 0],
    ['1', 1],
    ['1k', 1000],
    ['1Ki', 1024],
    ['64Ki', 65_536],
    ['1M', 1_000_000],
    ['1Mi', 1_048_576],
    ['1.5Gi', 1_610_612_736],
    ['0.001k', 1],
    ['1Ti', 2 ** 40],
    ['8Mi', 8 * 1024 * 1024],
    ['1Pi', 2 ** 50],
    ['2.5P', 2_500_000_000_000_000],
    // Rounded up to a whole byte.
    ['0.1', 1],
    ['1.001Ki', 1026],
  ])('%s is %i bytes', (text, bytes) => {
    expect(parseQuantity(text)).toBe(bytes)
  })

  test.each([
    '',
    'Gi',
    '1GB',
    '1gi',
    '-1Gi',
    '+1Gi',
    '1e3',
    '1E',
    '100m',
    '1.Gi',
    '.5Gi',
    '1.0001Gi',
    '1 Gi',
    ' 1',
    '1Gi\n',
  ])('refuses %j and says how to write it', (text) => {
    expect(() => parseQuantity(text)).toThrow(RangeError)
    expect(() => parseQuantity(text)).toThrow(`${JSON.stringify(text)} is not a size; write it like 64Ki, 500Mi`)
  })

  test('refuses what a number does not hold exactly', () => {
    expect(parseQuantity('7Pi')).toBe(7 * 2 ** 50)
    expect(() => parseQuantity('8Pi')).toThrow('too big')
  })
})

const suffixes = ['', 'k', 'M', 'G', 'T', 'Ki', 'Mi', 'Gi', 'Ti']
const size = fc
  .tuple(fc.nat(4000), fc.option(fc.nat(999), { nil: undefined }), fc.constantFrom(...suffixes))
  .map(([whole, decimals, suffix]) => `${whole}${decimals === undefined ? '' : `.${decimals}`}${suffix}`)

property.prop([size])('what is written is a size, and within its length', (text) => {
  expect(isSize(text)).toBe(true)
  expect(text.length).toBeLessThanOrEqual(SIZE_MAX_LENGTH)
})

property.prop([fc.nat(1_000_000)])('a kibibyte is 1024 bytes, a kilobyte 1000', (count) => {
  expect(parseQuantity(`${count}Ki`)).toBe(parseQuantity(String(count * 1024)))
  expect(parseQuantity(`${count}k`)).toBe(parseQuantity(String(count * 1000)))
  expect(parseQuantity(`${count}Mi`)).toBe(parseQuantity(`${count * 1024}Ki`))
})

property.prop([size, size])('compareSizes orders as the bytes do', (a, b) => {
  const order = Math.sign(compareSizes(a, b))
  expect(Math.sign(compareSizes(b, a))).toBe(order === 0 ? 0 : -order)
  const difference = parseQuantity(a) - parseQuantity(b)
  if (order < 0) expect(difference).toBeLessThanOrEqual(0)
  if (order === 0) expect(difference).toBe(0)
})

test('compareSizes and sizesFit are exact, where bytes are rounded', () => {
  expect(compareSizes('0.1', '0.2')).toBeLessThan(0)
  expect(compareSizes('1Ki', '1.024k')).toBe(0)
  expect(sizesFit(['0.5', '0.5'], 100, '1')).toBe(true)
  expect(sizesFit(['0.5', '0.501'], 100, '1')).toBe(false)
  expect(sizesFit(['600Mi', '300Mi'], 90, '1000Mi')).toBe(true)
  expect(sizesFit(['600Mi', '300.001Mi'], 90, '1000Mi')).toBe(false)
})
