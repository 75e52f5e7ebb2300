import { z } from 'zod'
import { limitedRecord } from '../schema/fields.ts'
import { documented } from '../schema/rule.ts'
import { AMOUNT_PATTERN, amountAtMost, isAmount } from '../values/quantity.ts'

const amountSchema = documented(z.union([z.int(), z.string().max(64)]), {
  description: 'A Kubernetes quantity, such as 100m (CPU) or 256Mi (memory).',
  extensions: { 'x-kubernetes-int-or-string': true, maxLength: 64 },
  rules: [
    {
      cel: `string(self).matches('${AMOUNT_PATTERN}')`,
      message: 'must be a Kubernetes quantity, such as 100m (CPU) or 256Mi (memory)',
      holds: (self) => isAmount(String(self)),
    },
  ],
})

const amounts = (description: string) => documented(limitedRecord(amountSchema, 8), { description })

// A malformed amount has a rule of its own and is let through here.
const wellFormed = (map: string) => `string(self.${map}[name]).matches('${AMOUNT_PATTERN}')`

/** Requests and limits of the nats-server container. */
export const resourcesSchema = documented(
  z.strictObject({
    requests: amounts('What is set aside for the container, by resource (cpu, memory, …). At most 8.').optional(),
    limits: amounts('What the container may use at most, by resource (cpu, memory, …). At most 8.').optional(),
  }),
  {
    description: 'Compute resources of the nats-server container. A change restarts the broker pod.',
    rules: [
      {
        cel: `!has(self.requests) || !has(self.limits) || self.requests.all(name, !(name in self.limits) || !${wellFormed('requests')} || !${wellFormed('limits')} || quantity(string(self.requests[name])).compareTo(quantity(string(self.limits[name]))) <= 0)`,
        message:
          'resources.requests must not be more than resources.limits of the same resource; lower it or raise the limit',
        field: 'requests',
        holds: ({ requests = {}, limits = {} }) =>
          Object.entries(requests).every(([name, amount]) => {
            const limit = limits[name]
            if (limit === undefined || !isAmount(String(amount)) || !isAmount(String(limit))) return true
            return amountAtMost(String(amount), String(limit))
          }),
      },
    ],
  },
)
