import { z } from 'zod'
import { isName, NAME_MAX_LENGTH, NAME_PATTERN } from '../values/name.ts'
import { documented } from './rule.ts'

/** Names a Queue of the same namespace. */
export const queueRef = (field: string, description: string) =>
  documented(
    z.strictObject({
      name: documented(z.string().max(253, { abort: true }), {
        description: 'Name of a Queue of the same namespace.',
        rules: [
          {
            cel: `size(self) <= ${NAME_MAX_LENGTH} && self.matches('${NAME_PATTERN}')`,
            message: `${field}.name must be the name of a Queue: a DNS label of at most ${NAME_MAX_LENGTH} characters that begins with a letter`,
            holds: isName,
          },
        ],
      }),
    }),
    { description },
  )
