// `saadik types`: what it writes compiles, says what the document says, and is nothing but types whatever the document holds.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import test from 'node:test'
import { parse } from 'yaml'
import { CliError } from '../../../cli/error.ts'
import { typesOf } from '../../../cli/openapi-types/index.ts'
import { compiled } from '../client/compiled.ts'

const root = resolve(import.meta.dirname, '../../..')
const register = readFileSync(join(root, 'demo/population-register/openapi.yaml'), 'utf8')

const schemas = (given: object) => ({
  openapi: '3.1.0',
  info: { title: 'T', version: '1' },
  paths: {},
  components: { schemas: given },
})
const typeOf = (schema: unknown, others: object = {}) =>
  /\n {4}X: (.*?)\n {2}\}\n\}/s.exec(typesOf(schemas({ ...others, X: schema }), 'x'))?.[1]?.replace(/\s+/g, ' ')

test('the types of the register let right calls through and wrong ones not', () => {
  const call = (expression: string) => `
import { createClient } from 'saadik/client'
import type { paths } from './persons.ts'
const persons = createClient({ securityServer: 'http://x', client: 'A/B/C/D' }).service<paths>('A/B/C/D/E')
${expression}
`
  const address = `{ street: 'a', postalCode: 'b', municipality: 'c', county: 'd' }`
  const files = {
    'persons.ts': typesOf(parse(register), 'openapi.yaml'),
    'right.ts': call(`
const page = await persons.get('/persons', { query: { name: 'tamm', birthYear: 1984 }, userId: 'EE1' })
if (page.ok) { const n: number = page.data.total; const s: 'female' | 'male' | undefined = page.data.persons[0]?.sex; console.log(n, s) }
else { const d: string = page.error.detail; console.log(d) }
await persons.get('/persons')
const photo = await persons.get('/persons/{personalCode}/photo', { path: { personalCode: '1' } })
if (photo.ok) { const b: Blob = photo.data; console.log(b.size) }
await persons.put('/persons/{personalCode}', { path: { personalCode: '1' }, headers: { 'If-Match': 'x' }, body: { givenName: 'a', surname: 'b', address: ${address} } })
`),
    ...Object.fromEntries(
      [
        `await persons.get('/person')`,
        `await persons.post('/persons', {})`,
        `await persons.get('/persons/{personalCode}')`,
        `await persons.get('/persons/{personalCode}', { path: { code: '1' } })`,
        `await persons.get('/persons', { query: { nam: 'x' } })`,
        `await persons.get('/persons', { query: { birthYear: '1984' } })`,
        `await persons.put('/persons/{personalCode}', { path: { personalCode: '1' } })`,
        `await persons.put('/persons/{personalCode}', { path: { personalCode: '1' }, body: { givenName: 'a' } })`,
        `const a = await persons.get('/persons'); console.log(a.data)`,
      ].map((expression, index) => [`wrong${index}.ts`, call(expression)]),
    ),
  }
  const said = compiled(files)
  const complained = new Set([...said.matchAll(/^(\w+\.ts)\(/gm)].map(([, name]) => name))
  assert.deepEqual(
    [...complained].sort(),
    Object.keys(files)
      .filter((name) => name.startsWith('wrong'))
      .sort(),
    said,
  )
})

test('schemas of both versions', () => {
  const A = { type: 'object' }
  for (const [schema, type] of [
    [{ type: 'string' }, 'string'],
    [{ type: 'integer', nullable: true }, 'number | null'],
    [{ type: ['string', 'null'] }, 'string | null'],
    [{ enum: ['a', "b'", 1, null] }, `'a' | 'b\\'' | 1 | null`],
    [{ const: 'x' }, `'x'`],
    [{ type: 'array', items: { enum: ['a', 'b'] } }, `('a' | 'b')[]`],
    [{ prefixItems: [{ type: 'string' }, { type: 'number' }], items: false }, '[string, number]'],
    [{ type: 'array', prefixItems: [{ type: 'string' }] }, '[string, ...unknown[]]'],
    [{ $ref: '#/components/schemas/A' }, `components['schemas']['A']`],
    [
      { allOf: [{ $ref: '#/components/schemas/A' }, { properties: { a: { type: 'string' } } }] },
      `components['schemas']['A'] & { a?: string }`,
    ],
    [{ oneOf: [{ type: 'string' }, { type: 'number' }] }, 'string | number'],
    [{ type: 'object', additionalProperties: { type: 'number' } }, '{ [key: string]: number }'],
    [{ type: 'object', additionalProperties: false }, 'Record<string, never>'],
    [{ type: 'object', required: ['a-b'], properties: { 'a-b': true, c: false } }, `{ 'a-b': unknown c?: never }`],
    [{ $ref: 'other.yaml#/X' }, 'unknown'],
    [{ $ref: '#/components/schemas/Nothing' }, 'unknown'],
    [{ $ref: '#/components/schemas/constructor' }, 'unknown'],
    [{}, 'unknown'],
    [{ type: 'strange' }, 'unknown'],
  ] as const)
    assert.equal(typeOf(schema, { A }), type, JSON.stringify(schema))
})

test('a document cannot write code', () => {
  const evil = `*/ export const x = 1 /* '}] \n \u2028 "; process.exit() \\`
  const text = typesOf(
    {
      openapi: '3.0.0',
      info: { title: evil, version: evil },
      paths: {
        [`/${evil}`]: {
          summary: evil,
          get: {
            summary: evil,
            parameters: [{ in: 'query', name: evil, description: evil, schema: { enum: [evil] } }],
            responses: {
              200: { description: evil, content: { [evil]: { schema: { $ref: `#/components/schemas/${evil}` } } } },
            },
          },
        },
      },
      components: {
        schemas: { [evil]: { description: evil, type: 'object', properties: { [evil]: { const: evil } } } },
      },
    },
    evil,
  )
  assert.equal(compiled({ 'evil.ts': text }), '')
  assert.equal(
    compiled({ 'only-types.ts': `${text}\nconst x = 2\nconsole.log(x)\n` }),
    '',
    'no value of that name is there',
  )
})

test('what is no document, or beyond the bounds, is refused', () => {
  const refused = (document: unknown) =>
    assert.throws(
      () => typesOf(document, 'x'),
      (error) => error instanceof CliError && error.code === 'unreadable',
    )
  for (const document of [
    undefined,
    null,
    7,
    [],
    {},
    { openapi: '3.0.0' },
    { swagger: '2.0', paths: {} },
    { openapi: '4.0', paths: {} },
  ])
    refused(document)
  let deep: object = { type: 'string' }
  for (let i = 0; i < 1000; i += 1) deep = { type: 'array', items: deep }
  refused(schemas({ X: deep }))
  const loop = { get: { $ref: '#/paths/~1a/get' }, $ref: '#/paths/~1a' }
  assert.match(typesOf({ openapi: '3.0.0', paths: { '/a': loop, '/b': { $ref: '#/paths/~1a' } } }, 'x'), /paths/)
  // Each refers twice to the one before it: written out it would be 2^60 types.
  const parts: Record<string, object> = { s0: { type: 'string' } }
  for (let i = 1; i < 60; i += 1) parts[`s${i}`] = { allOf: [{ $ref: `#/x/s${i - 1}` }, { $ref: `#/x/s${i - 1}` }] }
  refused({ ...schemas({ X: { $ref: '#/x/s59' } }), x: parts })
})

test('the command: a file, and what it says when it cannot', (t) => {
  const elsewhere = mkdtempSync(join(tmpdir(), 'saadik-types-'))
  t.after(() => rmSync(elsewhere, { recursive: true }))
  const saadik = (...words: string[]) =>
    spawnSync(process.execPath, [join(root, 'cli/main.ts'), 'types', ...words], { cwd: elsewhere, encoding: 'utf8' })
  const file = saadik(join(root, 'demo/population-register/openapi.yaml'))
  assert.equal(file.status, 0, file.stderr)
  assert.match(file.stdout, /^export interface paths \{$/m)
  assert.equal(saadik(join(root, 'demo/population-register/openapi.yaml'), '-o', 'out.ts').status, 0)
  assert.equal(
    readFileSync(join(elsewhere, 'out.ts'), 'utf8').split('\n').slice(1).join(),
    file.stdout.split('\n').slice(1).join(),
  )
  for (const [words, status, says] of [
    [['nothing.yaml'], 2, /cannot be read/],
    [[join(root, 'package.json')], 2, /not an OpenAPI 3 document/],
    [[join(root, 'LICENSE')], 2, /OpenAPI|YAML/],
    [['A/B/C/D/E'], 64, /--url .* --client/],
    [['A/B/C/D/E', '--url', 'http://127.0.0.1:1'], 64, /belong together/],
    [['A/B/C/D/E', '--url', 'nonsense', '--client', 'A/B/C/D'], 64, /nonsense/],
    [['A/B/C/D/E', '--url', 'http://127.0.0.1:1', '--client', 'A/B/C/D'], 1, /refuses connections/],
    [['A/B/C/D/E', '--url', 'https://127.0.0.1:1', '--client', 'A/B/C/D', '--pinned', 'no.pem'], 2, /no\.pem/],
  ] as const) {
    const { status: got, stderr } = saadik(...words)
    assert.equal(got, status, stderr)
    assert.match(stderr, says)
  }
})
