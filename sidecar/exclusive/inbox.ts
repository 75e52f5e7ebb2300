const SERIAL = /\.\d+$/

/** The inbox that a pull's reply subject belongs to: some clients number the subjects of one consumer. */
export const inboxOf = (reply: string): string => reply.replace(SERIAL, '')
