import assert from 'node:assert/strict'
import test from 'node:test'
import { ServicesError } from '../../../../security-server/services/error.ts'
import { readDescription } from '../../../../security-server/services/openapi.ts'

const SOURCE = 'http://host.example:9001/docs/openapi.json'

function description(extra: object): string {
  return JSON.stringify({ openapi: '3.1.0', info: { title: 't', version: '1' }, paths: {}, ...extra })
}

async function refused(text: string): Promise<string> {
  let message = ''
  await assert.rejects(readDescription(text, SOURCE), (error) => {
    assert.ok(error instanceof ServicesError)
    assert.equal(error.code, 'invalid_description')
    message = error.message
    return true
  })
  return message
}

test('the base address is the first server, resolved against the description', async () => {
  const url = async (servers: unknown) => (await readDescription(description({ servers }), SOURCE)).url
  assert.equal(await url(undefined), 'http://host.example:9001/')
  assert.equal(await url([{ url: 'v2' }]), 'http://host.example:9001/docs/v2')
  assert.equal(await url([{ url: 'https://api.example/x' }, { url: '/other' }]), 'https://api.example/x')
  assert.equal(
    await url([{ url: '/{stage}', variables: { stage: { default: 'live' } } }]),
    'http://host.example:9001/live',
  )
  assert.match(await refused(description({ servers: [{ url: '/{stage}' }] })), /cannot be resolved/)
})

test('endpoints are paths times methods, placeholders become wildcards within a segment', async () => {
  const operation = { responses: {} }
  const { endpoints } = await readDescription(
    description({
      paths: {
        '/': { get: operation },
        '/a/{x}/b': { get: operation, put: operation, parameters: [], summary: 's', 'x-more': 1 },
        '/{x}{y}.json': { delete: operation },
        '/star*/{x}': { head: operation },
        '/caf%C3%A9': { patch: operation },
        'x-ignored': {},
      },
    }),
    SOURCE,
  )
  assert.deepEqual(
    endpoints.map(({ method, path }) => `${method} ${path}`),
    ['GET /', 'GET /a/*/b', 'PUT /a/*/b', 'DELETE /*.json', 'HEAD /star\\*/*', 'PATCH /café'],
  )
})

test('YAML is read in its core schema, and JSON is YAML too', async () => {
  const yaml = 'openapi: "3.0.0"\npaths:\n  /x:\n    get: {}\n'
  assert.deepEqual((await readDescription(yaml, SOURCE)).endpoints, [{ method: 'GET', path: '/x' }])
  assert.deepEqual((await readDescription('{openapi: "3.0.0", paths: {/x: {get: {}}}}', SOURCE)).endpoints, [
    { method: 'GET', path: '/x' },
  ])
})

test('what is not an OpenAPI 3 description is refused', async () => {
  assert.match(await refused('swagger: "2.0"'), /no version/)
  assert.match(await refused('openapi: "4.0.0"'), /not supported/)
  assert.match(await refused('<html>'), /no version/)
  assert.match(await refused('a: [1'), /neither JSON nor YAML/)
  assert.match(await refused('a: 1\na: 2'), /neither JSON nor YAML/)
  assert.match(await refused(description({ paths: [] })), /not an object/)
  assert.match(await refused(description({ paths: { 'x/y': { get: {} } } })), /slash/)
  assert.match(await refused(description({ paths: { '/x': { $ref: './x.yaml' } } })), /reference/)
  assert.match(await refused(description({ paths: { '/%zz': { get: {} } } })), /escape/)
  assert.match(await refused(`openapi: "3.0.0"\nx: "${'y'.repeat(10 * 1024 * 1024)}"`), /over/)
  const many = Object.fromEntries(Array.from({ length: 10_001 }, (_, index) => [`/p${index}`, { get: {} }]))
  assert.match(await refused(description({ paths: many })), /endpoints/)
})

test('aliases do not multiply without end', async () => {
  const bomb = [
    'openapi: "3.0.0"',
    'a: &a [x,x,x,x,x,x,x,x,x,x]',
    ...'bcdefgh'
      .split('')
      .map((name, index) => `${name}: &${name} [${Array(10).fill(`*${'abcdefg'[index]}`).join(',')}]`),
  ].join('\n')
  assert.match(await refused(bomb), /neither JSON nor YAML/)
})
