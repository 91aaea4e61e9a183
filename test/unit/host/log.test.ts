import assert from 'node:assert/strict'
import test from 'node:test'
import { loggable } from '../../../host/redact.ts'
import { program } from './scratch.ts'

test('one JSON object a line on stderr, nothing on stdout, secrets redacted', async (t) => {
  const { ended, stdout, stderr } = program(
    t,
    `import { createLog } from '#host'
     const log = createLog({ process: 'p', level: 'info' })
     log.debug('not shown')
     log.info('hello\\nworld', { level: 'fake', message: 'fake', pin: '1234', nested: { Authorization: 'Basic x' }, tokenFile: '/t' })
     log.error('failed', { error: new TypeError('boom', { cause: new Error('below') }) })`,
  )
  assert.equal(await ended, 0)
  assert.equal(stdout(), '')
  const [first, second, ...more] = stderr()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  assert.equal(more.length, 0)
  const { time, ...rest } = first
  assert.match(time, /^\d{4}-\d\d-\d\dT/)
  assert.deepEqual(rest, {
    level: 'info',
    process: 'p',
    message: 'hello\nworld',
    pin: '[redacted]',
    nested: { Authorization: '[redacted]' },
    tokenFile: '/t',
  })
  assert.equal(second.error.name, 'TypeError')
  assert.equal(second.error.cause.message, 'below')
})

test('a reader of the log that goes away does not end the process', async (t) => {
  const child = program(
    t,
    `import { createLog } from '#host'
     const log = createLog({ process: 'p' })
     log.info('one')
     process.stdout.write('up\\n')
     process.stdin.on('end', () => {
       for (let n = 0; n < 100; n++) log.info('x'.repeat(1000))
       setTimeout(() => { process.stdout.write('alive\\n') }, 100)
     }).resume()`,
  )
  await child.printed('up')
  child.child.stderr?.destroy()
  child.child.stdin?.end()
  await child.printed('alive')
  assert.equal(await child.ended, 0)
})

test('secrets go by name; paths, flags and words that only look like them stay', () => {
  const secret = '[redacted]'
  assert.deepEqual(
    loggable({
      pin: 'x',
      PIN: 'x',
      signerPin: 'x',
      accessToken: 'x',
      password: 'x',
      cookie: 'x',
      privateKey: 'x',
      secret: { a: 1 },
    }),
    {
      pin: secret,
      PIN: secret,
      signerPin: secret,
      accessToken: secret,
      password: secret,
      cookie: secret,
      privateKey: secret,
      secret,
    },
  )
  const plain = { pinFile: '/p', tokenFile: '/t', pinned: 'sha256', opinion: 'good', tokens: 3, hasPassword: true }
  assert.deepEqual(loggable(plain), plain)
})

test('bytes, depth, length and strange values are bounded', () => {
  assert.deepEqual(loggable({ a: new Uint8Array(3), b: 10n, c: () => 1, d: new Date(0), e: new Date(Number.NaN) }), {
    a: '[3 bytes]',
    b: '10',
    c: undefined,
    d: '1970-01-01T00:00:00.000Z',
    e: 'invalid date',
  })
  const loop: Record<string, unknown> = {}
  loop['self'] = loop
  assert.ok(JSON.stringify(loggable(loop)).includes('[deeper]'))
  assert.ok(JSON.stringify(loggable({ text: 'x'.repeat(1e6), list: Array(1e4).fill(1) })).length < 6000)
})
