import { checkLanguage } from './check-language.ts'

checkLanguage('go')
