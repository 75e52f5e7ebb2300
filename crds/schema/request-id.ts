import { z } from 'zod'

/** A name that a client gives what it asks for, so that the same asked for again is the same thing. */
export const requestIdSchema = z.string().regex(/^[A-Za-z0-9-]{1,64}$/, 'has to be 1 to 64 letters, digits and dashes')
