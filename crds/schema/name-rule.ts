import type { ObjectMeta } from '../kubernetes/metadata.ts'
import { isName, NAME_MAX_LENGTH, NAME_MESSAGE, NAME_PATTERN } from '../values/name.ts'
import type { Rule } from './rule.ts'

/** For the root of every kind. */
export const nameRule: Rule<{ metadata: ObjectMeta }> = {
  cel: `size(self.metadata.name) <= ${NAME_MAX_LENGTH} && self.metadata.name.matches('${NAME_PATTERN}')`,
  message: NAME_MESSAGE,
  field: 'metadata.name',
  holds: (self) => isName(self.metadata.name),
}
