import { z } from 'zod'
import { whole } from '../schema/fields.ts'
import { documented } from '../schema/rule.ts'

/** The deepest sub-queue: `q.<queue>.` and so many names. */
export const MAX_DEPTH = 8
export const DEFAULT_MAX_SUB_QUEUES = 256

const PATH_PATTERN = '^[a-zA-Z0-9_-]+([.][a-zA-Z0-9_-]+){0,7}$'
const path = new RegExp(PATH_PATTERN)
const PATH_MESSAGE = "a path must be at most 8 names of letters, digits, '-' and '_', separated by dots, such as eu.de"

const weightsSchema = documented(z.record(z.string(), whole('', 1, 100)), {
  description:
    'Shares by path, such as eu.de: 3. Between siblings, at every level of the tree, a sub-queue is given so many turns to the one of a sibling that is not named here. 1 to 100.',
  rules: [
    {
      cel: `size(self) <= 256 && self.all(path, path.matches('${PATH_PATTERN}'))`,
      message: `${PATH_MESSAGE}, and there may be 256 of them`,
      holds: (self) => Object.keys(self).length <= 256 && Object.keys(self).every((key) => path.test(key)),
    },
  ],
})

export const hierarchySchema = documented(
  z.strictObject({
    maxSubQueues: whole(
      `Sub-queues that are served at once. Messages of further ones are kept, and served when one of these is empty. 1 to 900. Default: ${DEFAULT_MAX_SUB_QUEUES}.`,
      1,
      900,
    ).default(DEFAULT_MAX_SUB_QUEUES),
    maxMessagesPerSubQueue: whole(
      'Messages that one sub-queue holds at most; retention.onLimit says what happens then. 1 to 1000000000. Default: no such bound.',
      1,
      1_000_000_000,
    ).optional(),
    weights: weightsSchema.optional(),
  }),
  { description: 'Settings of type Hierarchical; only with it.' },
)

export type Hierarchy = z.output<typeof hierarchySchema>
export const hierarchyOf = ({ hierarchy }: { readonly hierarchy?: Hierarchy | undefined }): Hierarchy =>
  hierarchy ?? { maxSubQueues: DEFAULT_MAX_SUB_QUEUES }
