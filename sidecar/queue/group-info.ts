import type { ConsumerInfo } from '@nats-io/jetstream'

/**
 * What a client reads when it opens `consumers.get(queue, group)`: the lanes of the group, added up, under the group's name.
 *
 * @param settled messages on record that a lane still counts as pending
 */
export function groupInfo(group: string, lanes: readonly ConsumerInfo[], settled: number): ConsumerInfo | undefined {
  const [first] = lanes
  if (first === undefined) return undefined
  const sum = (read: (info: ConsumerInfo) => number): number => lanes.reduce((total, info) => total + read(info), 0)
  return {
    ...first,
    name: group,
    config: { ...first.config, name: group, durable_name: group },
    num_pending: sum((info) => info.num_pending),
    num_ack_pending: Math.max(0, sum((info) => info.num_ack_pending) - settled),
    num_redelivered: sum((info) => info.num_redelivered),
    num_waiting: sum((info) => info.num_waiting),
  }
}
