import assert from 'node:assert/strict'
import test from 'node:test'
import { readArguments, resolveCommand } from '../../../cli/arguments.ts'
import type { Command } from '../../../cli/command.ts'
import { commands } from '../../../cli/commands.ts'
import { CliError } from '../../../cli/error.ts'
import { commandHelp, overview } from '../../../cli/help.ts'
import { nearest } from '../../../cli/suggest.ts'

const command = (name: string): Command => {
  const found = commands.find((each) => each.name === name)
  assert.ok(found, name)
  return found
}

const refused = (attempt: () => unknown, message: RegExp) =>
  assert.throws(
    attempt,
    (error) =>
      error instanceof CliError && error.code === 'usage' && error.exitCode === 64 && message.test(error.message),
  )

test('one word, two words, three, the rest', () => {
  assert.deepEqual(resolveCommand(commands, ['verify', 'a', 'b']), {
    kind: 'command',
    command: command('verify'),
    rest: ['a', 'b'],
  })
  assert.deepEqual(resolveCommand(commands, ['keys', 'list', '--json']), {
    kind: 'command',
    command: command('keys list'),
    rest: ['--json'],
  })
  assert.deepEqual(resolveCommand(commands, ['log', 'keys', 'retire', '3f2a']), {
    kind: 'command',
    command: command('log keys retire'),
    rest: ['3f2a'],
  })
  assert.deepEqual(resolveCommand(commands, ['log', 'keys', '-h']), { kind: 'group', group: 'log keys' })
  assert.deepEqual(resolveCommand(commands, ['log']), { kind: 'group', group: 'log' })
  assert.deepEqual(resolveCommand(commands, ['keys']), { kind: 'group', group: 'keys' })
  assert.deepEqual(resolveCommand(commands, ['keys', '--help']), { kind: 'group', group: 'keys' })
})

test('an unknown command is refused with the one that was meant', () => {
  refused(() => resolveCommand(commands, ['vefiry']), /did you mean 'verify'/)
  refused(() => resolveCommand(commands, ['key']), /did you mean 'keys'/)
  refused(() => resolveCommand(commands, ['keys', 'ls']), /did you mean 'keys list'/)
  refused(() => resolveCommand(commands, ['log', 'kyes']), /did you mean 'log keys'/)
  refused(() => resolveCommand(commands, ['log', 'keys', 'nwe']), /did you mean 'log keys new'/)
  refused(() => resolveCommand(commands, ['demo', 'stauts']), /did you mean 'demo status'/)
  refused(() => resolveCommand(commands, ['frobnicate']), /there is no command 'frobnicate'; all commands/)
  refused(() => resolveCommand(commands, ['__proto__']), /there is no command/)
})

test('an unknown option is refused with the one that was meant', () => {
  refused(() => readArguments(command('verify'), ['--ankor', 'x', 'f']), /did you mean '--anchor'/)
  refused(() => readArguments(command('verify'), ['-x', 'f']), /has no option -x/)
  refused(() => readArguments(command('verify'), ['--constructor', 'f']), /has no option --constructor/)
  refused(() => readArguments(command('keys list'), ['--serve', 'interior']), /did you mean '--server'/)
})

test('values, switches and positionals are as the table says', () => {
  const given = readArguments(command('verify'), ['a.asice', '--conf=dir', '--json', '--', '--b.asice'])
  assert.deepEqual(given.positionals, ['a.asice', '--b.asice'])
  assert.equal(given.text('conf'), 'dir')
  assert.ok(given.on('json'))
  assert.equal(given.text('anchor'), undefined)
  assert.equal(readArguments(command('apply'), ['-f', 'x.yaml']).text('file'), 'x.yaml')
  assert.equal(readArguments(command('keys unlock'), ['--pin-file', '-']).text('pin-file'), '-')

  refused(() => readArguments(command('verify'), []), /needs FILE/)
  refused(() => readArguments(command('verify'), ['f', '--conf']), /--conf needs a value: --conf DIR/)
  refused(() => readArguments(command('verify'), ['f', '--conf', '--json']), /--conf needs a value/)
  refused(() => readArguments(command('verify'), ['f', '--json=yes']), /--json is a switch/)
  assert.deepEqual(readArguments(command('verify'), ['f', '--conf', 'a', '--conf', 'b']).texts('conf'), ['a', 'b'])
  assert.deepEqual(readArguments(command('verify'), ['f']).texts('conf'), [])
  refused(() => readArguments(command('verify'), ['f', '--anchor', 'a', '--anchor', 'b']), /--anchor is given twice/)
  refused(() => readArguments(command('keys list'), ['now']), /does not take 'now'/)
})

test('every command loads, and its help names every option that it has', async () => {
  for (const each of commands) {
    assert.equal(typeof (await each.load()), 'function', each.name)
    const help = commandHelp(each)
    for (const [name, option] of Object.entries(each.options))
      assert.equal(help.includes(`--${name}`), !option.hidden, `${each.name} --${name}`)
    assert.match(help, /^usage: saadik /)
    for (const line of help.split('\n')) assert.ok(line.length <= 140, `${each.name}: ${line}`)
  }
  for (const { name } of commands) assert.ok(overview(commands, '1').includes(name))
})

test('no two options of a command share a letter, none takes -h', () => {
  for (const { name, options } of commands) {
    const letters = Object.values(options).flatMap(({ short }) => short ?? [])
    assert.equal(new Set([...letters, 'h']).size, letters.length + 1, name)
  }
})

test('suggestions are near or absent', () => {
  assert.equal(nearest('verfy', ['verify', 'apply']), 'verify')
  assert.equal(nearest('apyl', ['verify', 'apply']), 'apply')
  assert.equal(nearest('xyzzy', ['verify', 'apply']), undefined)
  assert.equal(nearest('', ['verify']), undefined)
  assert.equal(nearest('v'.repeat(100_000), ['verify']), undefined)
})
