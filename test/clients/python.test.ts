import { checkLanguage } from './check-language.ts'

checkLanguage('python')
