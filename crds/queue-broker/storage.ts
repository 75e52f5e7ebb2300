import { z } from 'zod'
import { anyMalformed, sizeAtMost } from '../schema/comparisons.ts'
import { size } from '../schema/fields.ts'
import { documented, type TransitionRule } from '../schema/rule.ts'
import { compareSizes, SIZE_PATTERN } from '../values/quantity.ts'

export const DEFAULT_STORAGE_SIZE = '10Gi'
/** What JetStream may fill of a volume; the rest is for the file system and JetStream's own files. */
export const USABLE_STORAGE_PERCENT = 90

const storageFields = z.strictObject({
  size: size({
    name: 'storage.size',
    description: `Size of the volume of each broker pod. It grows in place where the storage class allows it, and never shrinks. Default: ${DEFAULT_STORAGE_SIZE}.`,
    min: '64Mi',
    max: '64Ti',
  }).default(DEFAULT_STORAGE_SIZE),
  storageClassName: documented(z.string().min(1).max(253), {
    description: "Storage class of the volume. Cannot be changed. Default: the cluster's default class.",
  }).optional(),
})
export type Storage = z.output<typeof storageFields>

export const sizeTransition: TransitionRule<Storage> = {
  cel: `${anyMalformed(SIZE_PATTERN, 'self.size')} || ${sizeAtMost('oldSelf.size', 'self.size')}`,
  message: 'storage.size must not shrink, since a volume cannot; set it to what it was, or more',
  field: 'size',
  holds: (self, oldSelf) => compareSizes(oldSelf.size, self.size) <= 0,
}

export const storageClassTransition: TransitionRule<Storage> = {
  cel: 'has(self.storageClassName) == has(oldSelf.storageClassName) && (!has(self.storageClassName) || self.storageClassName == oldSelf.storageClassName)',
  message:
    'storage.storageClassName cannot be changed, set or removed, since a volume stays where it is; set it back, or make a new broker',
  field: 'storageClassName',
  holds: (self, oldSelf) => self.storageClassName === oldSelf.storageClassName,
}

/** What may not be changed of the volumes of a broker that exists. */
export const storageTransitions = [sizeTransition, storageClassTransition]

export const storageSchema = documented(storageFields, {
  description: 'The volume of each broker pod. Volumes outlive pods.',
  transitions: storageTransitions,
})
