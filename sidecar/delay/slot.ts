import { delayedSubject } from '../../crds/protocol/subjects.ts'

/** Messages of the delayed stream that are due in the same second share a subject: a slot, by seconds since 1970. */
export const slotOf = (due: number): number => Math.floor(due / 1000)

/** When a slot begins. Milliseconds since 1970. */
export const slotStart = (slot: number): number => slot * 1000

const SLOTS_PER_HOUR = 3600

export const hourOf = (slot: number): number => Math.floor(slot / SLOTS_PER_HOUR)
/** The first slot of an hour. */
export const firstSlot = (hour: number): number => hour * SLOTS_PER_HOUR

/** `<hour>.<second>`, so that the slots of one hour can be asked for. */
export const slotSubject = (queue: string, slot: number): string =>
  `${delayedSubject(queue)}.${hourOf(slot)}.${slot % SLOTS_PER_HOUR}`

export const slotsOfHour = (queue: string, hour: number): string => `${delayedSubject(queue)}.${hour}.*`
export const allSlots = (queue: string): string => `${delayedSubject(queue)}.*.*`

/** Undefined when the subject is none of a slot. */
export function parseSlot(subject: string): number | undefined {
  const [hour, second] = subject.split('.').slice(-2).map(Number)
  const slot = firstSlot(hour ?? Number.NaN) + (second ?? Number.NaN)
  return Number.isSafeInteger(slot) && slot >= 0 ? slot : undefined
}
