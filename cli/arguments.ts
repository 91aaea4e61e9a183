// Words of the command line against the table of commands. Nothing is guessed: what is not known is refused with a suggestion.
import { parseArgs } from 'node:util'
import type { Arguments, Command } from './command.ts'
import { CliError } from './error.ts'
import { nearest } from './suggest.ts'

export type Resolved =
  | { readonly kind: 'command'; readonly command: Command; readonly rest: readonly string[] }
  /** The words that several commands begin with: `keys`, `log keys`. */
  | { readonly kind: 'group'; readonly group: string }

/** Finds the command that the words begin with. */
export function resolveCommand(commands: readonly Command[], words: readonly string[]): Resolved {
  const begins = (name: string) => name.split(' ').every((word, index) => word === words[index])
  const exact = commands.find(({ name }) => begins(name))
  if (exact) return { kind: 'command', command: exact, rest: words.slice(exact.name.split(' ').length) }

  const group = groupOf(commands, words)
  const inside = group === '' ? '' : `${group} `
  const word = words[group === '' ? 0 : group.split(' ').length] ?? ''
  if (group !== '' && (word === '' || word.startsWith('-'))) return { kind: 'group', group }
  const known = commands.filter(({ name }) => name.startsWith(inside)).map(({ name }) => name.slice(inside.length))
  const guess = nearest(word, new Set(known.map((name) => name.split(' ')[0] ?? '')))
  throw new CliError(
    'usage',
    `there is no command '${inside}${word}'${meant(guess && `${inside}${guess}`)}; ${group === '' ? 'all commands: saadik' : `see: saadik ${group}`} --help`,
  )
}

/** As many of the words as begin the names of several commands: `keys`, `log keys`. */
function groupOf(commands: readonly Command[], words: readonly string[]): string {
  let group = ''
  for (const word of words) {
    const longer = group === '' ? word : `${group} ${word}`
    if (!commands.some(({ name }) => name.startsWith(`${longer} `))) break
    group = longer
  }
  return group
}

/** Checks the words after the command's name against its table. */
export function readArguments(command: Command, words: readonly string[]): Arguments {
  const known = command.options
  const { tokens } = parseArgs({
    args: [...words],
    strict: false,
    tokens: true,
    options: Object.fromEntries(
      Object.entries(known).map(([name, { value, short }]) => [
        name,
        { type: value ? ('string' as const) : ('boolean' as const), ...(short && { short }) },
      ]),
    ),
  })
  const texts = new Map<string, string[]>()
  const switches = new Set<string>()
  const positionals: string[] = []
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value)
    if (token.kind !== 'option') continue
    const option = Object.hasOwn(known, token.name) ? known[token.name] : undefined
    if (!option) {
      const guess = nearest(
        token.name,
        Object.keys(known).filter((name) => !known[name]?.hidden),
      )
      throw new CliError(
        'usage',
        `'${command.name}' has no option ${token.rawName}${meant(guess && `--${guess}`)}; see: saadik ${command.name} --help`,
      )
    }
    if ((texts.has(token.name) && !option.many) || switches.has(token.name))
      throw new CliError('usage', `${token.rawName} is given twice`)
    if (option.value === undefined) {
      if (token.value !== undefined) throw new CliError('usage', `${token.rawName} is a switch and takes no value`)
      switches.add(token.name)
    } else if (
      token.value === undefined ||
      (!token.inlineValue && token.value.startsWith('-') && token.value !== '-')
    ) {
      throw new CliError('usage', `${token.rawName} needs a value: ${token.rawName} ${option.value}`)
    } else texts.set(token.name, [...(texts.get(token.name) ?? []), token.value])
  }
  const [least, most] = command.positionals ?? [0, 0]
  if (positionals.length < least)
    throw new CliError(
      'usage',
      `'${command.name}' needs ${command.takes ?? 'an argument'}; see: saadik ${command.name} --help`,
    )
  if (positionals.length > most)
    throw new CliError(
      'usage',
      `'${command.name}' does not take '${positionals[most]}'; see: saadik ${command.name} --help`,
    )
  return {
    positionals,
    text: (option) => texts.get(option)?.[0],
    texts: (option) => texts.get(option) ?? [],
    on: (option) => switches.has(option),
  }
}

function meant(guess: string | undefined): string {
  return guess ? `, did you mean '${guess}'?` : ''
}
