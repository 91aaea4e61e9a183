// Words of the command line against the table of commands. Nothing is guessed: what is not known is refused with a suggestion.
import { parseArgs } from 'node:util'
import type { Arguments, Command } from './command.ts'
import { CliError } from './error.ts'
import { nearest } from './suggest.ts'

export type Resolved =
  | { readonly kind: 'command'; readonly command: Command; readonly rest: readonly string[] }
  /** The first word of commands that have two: `keys`. */
  | { readonly kind: 'group'; readonly group: string }

/** Finds the command that the words begin with. */
export function resolveCommand(commands: readonly Command[], words: readonly string[]): Resolved {
  const [first = '', second = ''] = words
  const exact =
    commands.find(({ name }) => name === first) ?? commands.find(({ name }) => name === `${first} ${second}`)
  if (exact) return { kind: 'command', command: exact, rest: words.slice(exact.name.split(' ').length) }

  const inGroup = commands.filter(({ name }) => name.startsWith(`${first} `))
  if (inGroup.length === 0) {
    const guess = nearest(first, new Set(commands.map(({ name }) => name.split(' ')[0] ?? '')))
    throw new CliError('usage', `there is no command '${first}'${meant(guess)}; all commands: saadik --help`)
  }
  if (second === '' || second.startsWith('-')) return { kind: 'group', group: first }
  const guess = nearest(
    second,
    inGroup.map(({ name }) => name.slice(first.length + 1)),
  )
  throw new CliError(
    'usage',
    `there is no command '${first} ${second}'${meant(guess && `${first} ${guess}`)}; see: saadik ${first} --help`,
  )
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
