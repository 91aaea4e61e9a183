import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { z } from 'zod'
import { ConfigError, filePath, loadConfig } from '#host'
import { scratch } from './scratch.ts'

const schema = z.strictObject({
  directory: filePath,
  other: filePath.optional(),
  listen: z.strictObject({ host: z.string(), port: z.int().max(65_535) }),
  services: z
    .array(
      z.strictObject({ code: z.string(), access: z.union([z.literal('none'), z.strictObject({ group: z.string() })]) }),
    )
    .default([]),
})

function load(t: TestContext, text: string, name = 'server.yaml') {
  const file = join(scratch(t), name)
  writeFileSync(file, text)
  return { file, read: () => loadConfig(file, schema) }
}

function faults(t: TestContext, text: string, name?: string): readonly string[] {
  const { read, file } = load(t, text, name)
  try {
    read()
  } catch (error) {
    assert.ok(error instanceof ConfigError)
    assert.equal(error.code, 'config_invalid')
    for (const fault of error.faults) assert.ok(error.message.includes(fault))
    assert.ok(error.message.includes(file))
    return error.faults
  }
  assert.fail('the configuration was taken')
}

test('paths count from the folder of the file, and the result is frozen to its depths', (t) => {
  const { file, read } = load(
    t,
    'directory: data/log\nother: /abs/x\nlisten: {host: 127.0.0.1, port: 80}\nservices: [{code: a, access: {group: g}}]\n',
  )
  const config = read()
  assert.equal(config.directory, join(file, '..', 'data/log'))
  assert.equal(config.other, '/abs/x')
  assert.throws(() => Object.assign(config.listen, { port: 1 }), TypeError)
  assert.throws(() => Object.assign(config.services[0]?.access ?? {}, { group: 'h' }), TypeError)
  assert.throws(() => (config.services as unknown[]).push({}), TypeError)
})

test('JSON files are read as JSON', (t) => {
  assert.equal(load(t, '{"directory": "d", "listen": {"host": "h", "port": 1}}', 'server.json').read().listen.port, 1)
  assert.match(faults(t, 'directory: d', 'server.json')[0] ?? '', /^not JSON: /)
})

test('all faults are reported at once, unknown keys with their path', (t) => {
  const found = faults(
    t,
    'listen: {host: 1, port: 70000, prot: 2}\nservices: [{code: a, access: none, acess: x}]\nspeling: 1\n',
  )
  assert.deepEqual(found.map((fault) => fault.split(':')[0]).sort(), [
    'directory',
    'listen.host',
    'listen.port',
    'listen.prot',
    'services[0].acess',
    'speling',
  ])
  assert.equal(found.filter((fault) => fault.endsWith(': unknown key')).length, 3)
})

test('in a choice of forms the faults are those of the form that was meant', (t) => {
  const base = 'directory: d\nlisten: {host: h, port: 1}\n'
  assert.deepEqual(faults(t, `${base}services: [{code: a, access: {group: g, gruop: h}}]\n`), [
    'services[0].access.gruop: unknown key',
  ])
  assert.match(
    faults(t, `${base}services: [{code: a, access: nobody}]\n`)[0] ?? '',
    /^services\[0\]\.access: .*none.*, or /,
  )
})

test('a file of nothing but keys is read in time that grows with it', (t) => {
  // Compared with one another these keys would take minutes: the runner's bound would end the test.
  const keys = Array.from({ length: 60_000 }, (_, index) => `k${index}: 1\n`).join('')
  assert.throws(
    load(t, keys).read,
    (error) =>
      error instanceof ConfigError && error.faults.filter((fault) => fault.endsWith('unknown key')).length === 60_000,
  )
})

test('YAML that says two things, or too much, is refused', (t) => {
  assert.match(
    faults(t, 'directory: a\ndirectory: b\n')[0] ?? '',
    /^not YAML: the key directory is there twice at line 2$/,
  )
  assert.match(faults(t, 'directory: a\nother: {1: a, "1": b}\n')[0] ?? '', /^not YAML: the key 1 is there twice/)
  assert.match(faults(t, 'directory: [a\n')[0] ?? '', /^not YAML: /)
  const bomb = [
    'a0: &a0 [x, x, x, x, x, x, x, x, x, x]',
    ...Array.from({ length: 8 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(10).fill(`*a${i}`).join(', ')}]`),
  ]
  assert.match(faults(t, `${bomb.join('\n')}\n`)[0] ?? '', /^not YAML: .*alias/)
  assert.match(faults(t, `directory: ${'x'.repeat(5 * 1024 * 1024)}\n`)[0] ?? '', /bytes are more than/)
})

test('a missing file, an empty file and a file that is no text say so', (t) => {
  assert.throws(() => loadConfig(join(scratch(t), 'none.yaml'), schema), {
    code: 'config_invalid',
    message: /cannot be read: ENOENT/,
  })
  assert.deepEqual(
    faults(t, '').map((fault) => fault.split(':')[0]),
    ['directory', 'listen'],
  )
  const { file } = load(t, '')
  writeFileSync(file, Buffer.from([0x61, 0x3a, 0x20, 0xff, 0xfe]))
  assert.throws(() => loadConfig(file, schema), { code: 'config_invalid' })
})
