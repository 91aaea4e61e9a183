import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import test from 'node:test'
import { commands } from '../../../cli/commands.ts'
import { callsOf, curl } from '../../../demo/calls.ts'
import { DEFAULT_BASE, layoutOf } from '../../../demo/layout.ts'
import { next } from '../../../demo/next.ts'

const root = resolve(import.meta.dirname, '../../..')
const readme = readFileSync(join(root, 'README.md'), 'utf8')
const blocks = [...readme.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block]) => (block ?? '').trim().split('\n'))

test('README shows the first message and what to try as the demo prints them', () => {
  const layout = layoutOf(resolve('.saadik'), DEFAULT_BASE)
  const printed: string[] = []
  const note = (text?: string) => text && printed.push(text.trim())
  next(layout, { seconds: () => '', done: note, warn: note, heading: () => undefined, line: note, command: note })
  const [, first, tries] = blocks
  assert.deepEqual(first, [curl(callsOf(layout)[0])])
  assert.deepEqual(tries, printed)
})

test('the first two commands start it, and stand on the first screen', () => {
  assert.deepEqual(blocks[0], ['npm ci', 'npm start'])
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>
  }
  assert.equal(scripts['start'], 'node bin/saadik.js demo up')
  assert.ok(readme.split('\n').indexOf('npm start') < 30)
})

test('every saadik command in README is one, with options that it has', () => {
  const used = [...readme.matchAll(/(?:npx saadik|`saadik) ([^\n`]+)/g)].map(([, words]) => (words ?? '').split(/\s+/))
  assert.ok(used.length > 8)
  for (const words of used) {
    if (words[0] === '--help') continue
    const command = commands.find(({ name }) => words.join(' ').startsWith(name))
    assert.ok(command, words.join(' '))
    for (const word of words.filter((each) => each.startsWith('--')))
      assert.ok(Object.hasOwn(command.options, word.slice(2)) || word === '--help', words.join(' '))
  }
})

test('every file that README links to is there', () => {
  for (const [, target] of readme.matchAll(/\]\(([^)#]+)\)/g)) {
    if (target && !target.includes(':')) assert.ok(existsSync(join(root, target)), target)
  }
})
