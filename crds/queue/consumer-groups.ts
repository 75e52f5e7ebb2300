import { z } from 'zod'
import { choice } from '../schema/fields.ts'
import { documented } from '../schema/rule.ts'
import { isName, NAME_MAX_LENGTH, NAME_PATTERN } from '../values/name.ts'

export const DEFAULT_GROUP = 'workers'

const PATH_PATTERN = '^[a-zA-Z0-9_-]+([.][a-zA-Z0-9_-]+)*$'
const path = new RegExp(PATH_PATTERN)

const consumerGroupSchema = documented(
  z.strictObject({
    name: documented(z.string().max(NAME_MAX_LENGTH, { abort: true }), {
      description: `Name of the group, by which consumers ask for messages. A DNS label of at most ${NAME_MAX_LENGTH} characters.`,
      rules: [
        {
          cel: `self.matches('${NAME_PATTERN}')`,
          message:
            "the name of a consumer group must be a DNS label that begins with a letter: lower-case letters, digits and '-', no '-' at the end",
          holds: isName,
        },
      ],
    }),
    path: documented(z.string().max(256, { abort: true }), {
      description:
        'Only with type Hierarchical: the subtree that this group consumes, such as eu or eu.de. Default: all of it.',
      rules: [
        {
          cel: `self.matches('${PATH_PATTERN}')`,
          message: "path must be names of letters, digits, '-' and '_', separated by dots, such as eu.de",
          holds: (self) => path.test(self),
        },
      ],
    }).optional(),
    from: choice(
      'Where a group begins that is added to a Queue that exists. New: with the next message. Oldest: with the oldest message that is kept. Default: Oldest.',
      ['Oldest', 'New'],
    ).default('Oldest'),
  }),
  { description: 'A set of competing consumers.' },
)

const uniqueGroups = z
  .array(consumerGroupSchema)
  .min(1)
  .max(16)
  .superRefine((groups, context) => {
    // The API server finds these by itself: the name is the key of the list.
    for (const [index, { name }] of groups.entries()) {
      if (groups.findIndex((group) => group.name === name) === index) continue
      context.addIssue({
        code: 'custom',
        path: [index],
        message: `there is a consumer group ${name} already; give it another name`,
      })
    }
  })

export const consumerGroupsSchema = documented(uniqueGroups, {
  description: `Sets of competing consumers; each group sees every message once, at its own pace; a message is kept until every group is done with it. A group that is removed no longer keeps messages. Default: one group, ${DEFAULT_GROUP}.`,
  extensions: { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] },
})
