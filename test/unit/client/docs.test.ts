// docs/client.md and the examples cannot drift from what there is.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import test from 'node:test'
import { parse } from 'yaml'
import * as client from '#client'
import { commands } from '../../../cli/commands.ts'
import { typesOf } from '../../../cli/openapi-types/index.ts'
import { compiled } from './compiled.ts'

const root = resolve(import.meta.dirname, '../../..')
const page = readFileSync(join(root, 'docs/client.md'), 'utf8')
const description = 'demo/population-register/openapi.yaml'
const persons = typesOf(parse(readFileSync(join(root, description), 'utf8')), description)

test('every program in docs/client.md compiles', () => {
  const blocks = [...page.matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code ?? '')
  assert.ok(blocks.length >= 6)
  const files = Object.fromEntries(blocks.map((code, index) => [`block${index}.ts`, code]))
  assert.equal(compiled({ ...files, 'persons.ts': persons }), '')
})

test('every error class is explained, and every option of saadik types that is used exists', () => {
  for (const name of Object.keys(client).filter((each) => /(?:Error|Fault)$/.test(each) && each !== 'XRoadClientError'))
    assert.ok(page.includes(`| \`${name}\` |`), name)
  const { options } = commands.find(({ name }) => name === 'types') ?? { options: {} }
  for (const [, words = ''] of page.matchAll(/saadik types (.*)/g))
    for (const [, option = ''] of words.matchAll(/--(\w+)/g)) assert.ok(option in options, option)
})

test('the types of the example are those of the demo’s register', () => {
  const kept = readFileSync(join(root, 'client/examples/persons.ts'), 'utf8')
  assert.equal(kept, persons)
})
