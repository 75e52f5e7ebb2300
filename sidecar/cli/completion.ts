import type { Command } from './command.ts'

/** A script for bash, and by bashcompinit for zsh: `source <(pillion completion)`. Pure. */
export function completion(commands: readonly Command[], common: readonly string[]): string {
  const first = [...new Set(commands.map(({ name }) => name.split(' ')[0] ?? ''))]
  const second = Map.groupBy(
    commands.flatMap(({ name }) => {
      const [group = '', word] = name.split(' ')
      return word === undefined ? [] : [{ group, word }]
    }),
    ({ group }) => group,
  )
  const options = commands.map(({ name, options }) => {
    const all = [...Object.keys(options), ...common].map((option) => `--${option}`)
    return `    '${name}') words='${all.join(' ')}' ;;`
  })
  return [
    '_pillion() {',
    '  local current="${COMP_WORDS[COMP_CWORD]}" command="${COMP_WORDS[1]}" words=',
    ...[...second.keys()].map((group) => `  [ "$command" = ${group} ] && command="${group} \${COMP_WORDS[2]}"`),
    `  if [ "$COMP_CWORD" = 1 ]; then words='${first.join(' ')}'`,
    ...[...second].map(
      ([group, all]) =>
        `  elif [ "$COMP_CWORD" = 2 ] && [ "\${COMP_WORDS[1]}" = ${group} ]; then words='${all.map(({ word }) => word).join(' ')}'`,
    ),
    '  elif [[ "$current" = -* ]]; then case "$command" in',
    ...options,
    '    esac',
    `  else words="$(pillion queues -o json 2>/dev/null | grep -o '"name":"[^"]*"' | cut -d '"' -f 4)"`,
    '  fi',
    '  COMPREPLY=($(compgen -W "$words" -- "$current"))',
    '}',
    'complete -F _pillion pillion',
  ].join('\n')
}
