import { sameQuantity } from './quantity.ts'

/** Lists that the API server merges by a key: what others put in beside ours is theirs. All other lists are ours as a whole. */
const keysOfLists: Readonly<Record<string, string>> = {
  initContainers: 'name',
  containers: 'name',
  env: 'name',
  ports: 'name',
  volumes: 'name',
  volumeMounts: 'mountPath',
  ownerReferences: 'uid',
}
/** Maps that the API server takes as a whole: one more label in a selector selects something else. */
const wholeMaps = new Set(['selector', 'podSelector', 'namespaceSelector', 'labelSelector', 'nodeSelector'])
const quantityMaps = new Set(['requests', 'limits', 'capacity'])

/**
 * Where `observed` lacks what `wanted` says: paths such as `spec.template.spec.containers[nats].image`. Fields that are not wanted,
 * such as the API server's defaults and what other tools own, do not count, apart from those inside lists and selectors that belong
 * to one owner as a whole.
 */
export function differences(wanted: unknown, observed: unknown): string[] {
  return compare(wanted, observed, [], false)
}

function compare(wanted: unknown, observed: unknown, path: readonly string[], whole: boolean): string[] {
  if (wanted === undefined) return []
  if (Array.isArray(wanted)) return compareLists(wanted, observed, path, whole)
  if (isObject(wanted)) return compareObjects(wanted, observed, path, whole || wholeMaps.has(path.at(-1) ?? ''))
  return sameScalar(wanted, observed, path) ? [] : [shown(path)]
}

function compareObjects(
  wanted: Record<string, unknown>,
  observed: unknown,
  path: readonly string[],
  whole: boolean,
): string[] {
  // The API server drops what is empty, except where being there means something.
  if (!isObject(observed)) return isEmpty(wanted) && !whole ? [] : [shown(path)]
  const extra = whole ? Object.keys(observed).filter((key) => !(key in wanted) && !isEmpty(observed[key])) : []
  return [
    ...Object.entries(wanted).flatMap(([key, value]) => compare(value, observed[key], [...path, key], whole)),
    ...extra.map((key) => shown([...path, key])),
  ]
}

function compareLists(
  wanted: readonly unknown[],
  observed: unknown,
  path: readonly string[],
  whole: boolean,
): string[] {
  if (!Array.isArray(observed)) return wanted.length === 0 ? [] : [shown(path)]
  const key = keysOfLists[path.at(-1) ?? ''] ?? ''
  if (whole || !wanted.every((item) => isObject(item) && key in item)) {
    if (wanted.length !== observed.length) return [shown(path)]
    return wanted.flatMap((item, index) => compare(item, observed[index], [...path, `[${index}]`], true))
  }
  return wanted.flatMap((item) => {
    const name = isObject(item) ? item[key] : undefined
    const at = [...path, `[${String(name)}]`]
    const match: unknown = observed.find((other: unknown) => isObject(other) && other[key] === name)
    return match === undefined ? [shown(at)] : compare(item, match, at, false)
  })
}

function sameScalar(wanted: unknown, observed: unknown, path: readonly string[]): boolean {
  if (wanted === observed || (isEmpty(wanted) && isEmpty(observed))) return true
  const isQuantity = quantityMaps.has(path.at(-2) ?? '')
  return isQuantity && isAmount(wanted) && isAmount(observed) && sameQuantity(wanted, observed)
}

const isAmount = (value: unknown): value is string | number => typeof value === 'string' || typeof value === 'number'
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return true
  if (Array.isArray(value)) return value.length === 0
  return isObject(value) && Object.keys(value).length === 0
}

const shown = (path: readonly string[]): string =>
  path.reduce((text, part) => (text === '' || part.startsWith('[') ? `${text}${part}` : `${text}.${part}`), '')
