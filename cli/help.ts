// Help is made from the table that also parses, so that it cannot say anything else.
import type { Command, Option } from './command.ts'

const HELP: Option = { short: 'h', help: 'this text' }

/** `saadik --help`: every command, one line each. */
export function overview(commands: readonly Command[], version: string): string {
  return [
    `saadik ${version}: a data exchange layer for a state, X-Road 7 compatible`,
    '',
    'usage: saadik COMMAND [OPTIONS]',
    '',
    ...table(commands.map(({ name, summary }) => [name, summary])),
    '',
    'Each command says more: saadik COMMAND --help. To begin: saadik demo up, then what it prints.',
  ].join('\n')
}

/** `saadik keys --help`: the commands of one group. */
export function groupHelp(commands: readonly Command[], group: string): string {
  const members = commands.filter(({ name }) => name.startsWith(`${group} `))
  return [
    `usage: saadik ${group} COMMAND [OPTIONS]`,
    '',
    ...table(members.map(({ name, summary }) => [name, summary])),
    '',
    `Each command says more: saadik ${group} COMMAND --help`,
  ].join('\n')
}

/** `saadik verify --help`. */
export function commandHelp({ name, takes, summary, options, details }: Command): string {
  const shown = Object.entries({ ...options, help: HELP }).filter(([, option]) => !option.hidden)
  return [
    `usage: saadik ${[name, takes, '[OPTIONS]'].filter(Boolean).join(' ')}`,
    '',
    `${summary}.`,
    '',
    ...table(
      shown.map(([option, { value, short, help }]) => [
        `${short ? `-${short}, ` : '    '}--${option}${value ? ` ${value}` : ''}`,
        help,
      ]),
    ),
    '',
    details.trim(),
  ].join('\n')
}

function table(rows: readonly (readonly [left: string, right: string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length))
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`)
}
