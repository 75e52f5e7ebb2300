import { checkMode } from './check-mode.ts'
import { MODES } from './modes.ts'

checkMode(MODES.strictFifo)
