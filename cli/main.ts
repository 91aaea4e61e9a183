// `saadik`: finds the command, lets it run, turns its end into an exit code.
import { readArguments, resolveCommand } from './arguments.ts'
import { commands } from './commands.ts'
import { CliError } from './error.ts'
import { commandHelp, groupHelp, overview } from './help.ts'
import { terminal } from './output.ts'

/** Loaded only to be told: most commands never ask for it. */
async function version(): Promise<string> {
  return (await import('#host')).productVersion()
}

const isHelp = (word: string) => word === '--help' || word === '-h'

/** Words after `--` belong to the command, even `--help`. */
function asksForHelp(words: readonly string[]): boolean {
  const end = words.indexOf('--')
  return (end < 0 ? words : words.slice(0, end)).some(isHelp)
}

async function run(words: readonly string[]): Promise<number> {
  const [first] = words
  if (first === undefined || isHelp(first) || (first === 'help' && words.length === 1)) {
    terminal.line(overview(commands, await version()))
    return first === undefined ? 64 : 0
  }
  if (first === '--version' || first === '-v') {
    terminal.line(await version())
    return 0
  }
  if (first === 'help') return run([...words.slice(1), '--help'])

  const resolved = resolveCommand(commands, words)
  if (resolved.kind === 'group') {
    terminal.line(groupHelp(commands, resolved.group))
    return asksForHelp(words) ? 0 : 64
  }
  const { command, rest } = resolved
  if (asksForHelp(rest)) {
    terminal.line(commandHelp(command))
    return 0
  }
  const given = readArguments(command, rest)
  return (await command.load())(given, terminal)
}

// A reader that has seen enough (`saadik … | head`) is no error of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})

try {
  process.exitCode = await run(process.argv.slice(2))
} catch (error) {
  terminal.note(`saadik: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = error instanceof CliError ? error.exitCode : 1
}
