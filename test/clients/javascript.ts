import { fileURLToPath } from 'node:url'
import type { Program } from './language.ts'

const CLIENT = fileURLToPath(new URL('javascript/main.ts', import.meta.url))

export const javascriptClient = async (): Promise<Program> => ({ command: process.execPath, args: [CLIENT] })
