// The reader of multipart messages: the same parts however the bytes arrive, and an error for whatever is not whole.
import assert from 'node:assert/strict'
import test from 'node:test'
import { collect, mediaType, ProtocolError, readMultipart, transportWriter } from '#protocol'
import { pieces } from './http-message.ts'

interface Read {
  readonly headers: readonly (readonly [string, string])[]
  readonly contentType: string
  readonly body: string
}

async function readAll(source: AsyncIterable<Uint8Array>, boundary = 'b', limits = {}): Promise<Read[]> {
  const parts: Read[] = []
  for await (const { headers, contentType, body } of readMultipart(source, boundary, limits)) {
    parts.push({ headers, contentType, body: Buffer.from(await collect(body, 1 << 26)).toString('latin1') })
  }
  return parts
}

const bodies = async (text: string, boundary = 'b', size = 1 << 20) =>
  (await readAll(pieces(Buffer.from(text, 'latin1'), size), boundary)).map(({ body }) => body)

async function refused(text: string, code: string, size = 1 << 20): Promise<void> {
  await assert.rejects(readAll(pieces(Buffer.from(text, 'latin1'), size)), (error) => {
    assert.ok(error instanceof ProtocolError, String(error))
    assert.equal(error.code, code, `${error.message}: ${JSON.stringify(text.slice(0, 100))}`)
    return true
  })
}

test('parts, their headers and bodies', async () => {
  const text =
    'preamble\r\n--b\r\ncontent-type: text/xml; charset=UTF-8\r\nX-Case:  two spaces\r\nFolded: one\r\n\ttwo\r\n\r\nbody\r\n' +
    '--b \t\r\n\r\nno headers\r\n--b\r\nA:1\r\n\r\n\r\n--b--epilogue\r\n'
  assert.deepEqual(await readAll(pieces(Buffer.from(text), 1000)), [
    {
      headers: [
        ['content-type', 'text/xml; charset=UTF-8'],
        ['X-Case', ' two spaces'],
        ['Folded', 'one\ttwo'],
      ],
      contentType: 'text/xml; charset=UTF-8',
      body: 'body',
    },
    { headers: [], contentType: 'text/plain', body: 'no headers' },
    { headers: [['A', '1']], contentType: 'text/plain', body: '' },
  ])
})

test('what looks like a delimiter and is none belongs to the body', async () => {
  for (const body of [
    '--b',
    'x--b',
    '\r\n--',
    '\r\n--a',
    '\r\n--bx',
    '\n--b_',
    '\r',
    '\n',
    '\r\n',
    '\r\n\r\n',
    'x\r',
    '\r\r\r\n',
    '\r\n-',
    '\n\n--c',
    '',
  ]) {
    // At the very beginning of a body a delimiter needs no line break; that case has a test of its own.
    const text = `--b\r\n\r\n.${body}\r\n--b--\r\n`
    for (let size = 1; size <= text.length; size++)
      assert.deepEqual(await bodies(text, 'b', size), [`.${body}`], JSON.stringify({ body, size }))
  }
})

test('a bare line feed ends a body too, and an empty body needs no line break of its own', async () => {
  for (let size = 1; size < 30; size++) {
    assert.deepEqual(await bodies('--b\n\nx\n--b\n\n--b\r\n\r\n--b--', 'b', size), ['x', '', ''])
    assert.deepEqual(await bodies('--b--', 'b', size), [])
  }
})

test('random bodies full of delimiter pieces, in chunks of every size', async () => {
  const boundary = 'xtopAbC'
  const alphabet = [
    '\r\n',
    '\n',
    '\r',
    '--',
    `--${boundary}`.slice(0, 5),
    boundary,
    `\r\n--${boundary}`,
    '-',
    'x',
    '\u0000',
    'ÿ',
    `\n--${boundary}y`,
  ]
  let seed = 42
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0
    return (seed >>> 8) % below
  }
  for (let round = 0; round < 60; round++) {
    const wanted = Array.from({ length: 1 + random(3) }, () => {
      let body = '.'
      for (let length = random(12); length > 0; length--) body += alphabet[random(alphabet.length)]
      // A body that ends so would be cut by the delimiter rule of MIME itself.
      return `${body.replaceAll(new RegExp(`\n--${boundary}(?=[\\s-]|$)`, 'g'), '\n--')}.`
    })
    const text = `${wanted.map((body) => `--${boundary}\r\nh: v\r\n\r\n${body}\r\n`).join('')}--${boundary}--\r\n`
    for (let size = 1; size <= text.length; size += 1 + random(3)) {
      assert.deepEqual(await bodies(text, boundary, size), wanted, JSON.stringify({ wanted, size }))
    }
  }
})

test('every truncation is an error, wherever it happens', async () => {
  const text = '--b\r\nh: v\r\n\r\nbody\r\n--b\r\n\r\nmore\r\n--b--'
  for (let length = 0; length < text.length; length++) {
    for (const size of [1, 3, 1000]) await refused(text.slice(0, length), 'io_error', size)
  }
})

test('errors of the source pass through', async () => {
  async function* cut(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('--b\r\n\r\nbody')
    throw new Error('connection reset')
  }
  await assert.rejects(readAll(cut()), /connection reset/)
})

test('the source is read to its end, and let go when the reader stops early', async () => {
  const seen: string[] = []
  async function* source(): AsyncGenerator<Uint8Array> {
    try {
      yield Buffer.from('--b\r\n\r\nx\r\n--b--')
      seen.push('asked for more')
      yield Buffer.from('\r\n')
      seen.push('end')
    } finally {
      seen.push('closed')
    }
  }
  await readAll(source())
  assert.deepEqual(seen, ['asked for more', 'end', 'closed'])
  seen.length = 0
  for await (const part of readMultipart(source(), 'b')) {
    assert.ok(part)
    break
  }
  assert.deepEqual(seen, ['closed'])
})

test('bodies left unread are skipped, and are at their end afterwards', async () => {
  const kept: AsyncIterable<Uint8Array>[] = []
  for await (const { body } of readMultipart(
    pieces(Buffer.from('--b\r\n\r\nfirst\r\n--b\r\n\r\nsecond\r\n--b--'), 4),
    'b',
  ))
    kept.push(body)
  for (const body of kept) assert.equal((await collect(body, 10)).length, 0)
})

test('large bodies are handed on as views of what came', async () => {
  const chunk = Buffer.alloc(65_536, 'x')
  async function* source(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('--b\r\n\r\n')
    for (let count = 0; count < 50; count++) yield chunk
    yield Buffer.from('\r\n--b--\r\n')
  }
  let [size, copies] = [0, 0]
  for await (const { body } of readMultipart(source(), 'b')) {
    for await (const view of body) {
      size += view.length
      if (view.buffer !== chunk.buffer) copies++
    }
  }
  assert.equal(size, 50 * chunk.length)
  assert.equal(copies, 0)
})

test('one chunk is asked for at a time: who does not read is not written to', async () => {
  let yielded = 0
  async function* source(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('--b\r\n\r\n')
    for (;;) {
      yielded++
      yield Buffer.alloc(1000)
    }
  }
  for await (const { body } of readMultipart(source(), 'b')) {
    const iterator = body[Symbol.asyncIterator]()
    for (let read = 1; read <= 5; read++) {
      await iterator.next()
      assert.equal(yielded, read)
    }
    break
  }
})

test('header lines are limited to what may be written, headers and parts in number', async () => {
  const line = (length: number) => `--b\r\n${'h: '.padEnd(length, 'v')}\r\n\r\nx\r\n--b--`
  for await (const part of readMultipart(pieces(Buffer.from(line(997)), 7), 'b'))
    assert.ok(transportWriter('x').forward(part.lines))
  for (const size of [1, 7, 1 << 20]) {
    assert.deepEqual(await bodies(line(997), 'b', size), ['x'])
    await refused(line(998), 'mime_parsing_failed', size)
    await refused(`--b\r\n${'h'.repeat(100_000)}`, 'mime_parsing_failed', size)
  }
  await refused(`--b\r\n${'h: v\r\n'.repeat(1001)}\r\nx\r\n--b--`, 'mime_parsing_failed')
  await refused(`--b\r\nh: v\r\n${` ${'v'.repeat(900)}\r\n`.repeat(80)}\r\nx\r\n--b--`, 'mime_parsing_failed')
  await refused('x\r\n'.repeat(30_000), 'mime_parsing_failed')
  await refused(`--b--${'x'.repeat(70_000)}`, 'mime_parsing_failed')
  await assert.rejects(
    readAll(pieces(Buffer.from(`${'--b\r\n\r\nx\r\n'.repeat(4)}--b--`), 1000), 'b', { maxParts: 3 }),
    { code: 'mime_parsing_failed' },
  )
})

test('malformed headers and delimiters are refused', async () => {
  for (const header of [
    'no colon',
    ': no name',
    ' folded first',
    'a b: v',
    'h: \u0000',
    'h: \u007f',
    'h: \u0001',
    'hö: v',
    '\u0000: v',
    'h: a\rb',
  ]) {
    await refused(`--b\r\n${header}\r\n\r\nx\r\n--b--`, 'mime_parsing_failed')
  }
  await refused('--b\r\n\r\nx\r\n--b-x\r\n\r\n--b--', 'mime_parsing_failed')
  await refused('--b x\r\n\r\nx\r\n--b--', 'mime_parsing_failed')
  await assert.rejects(readAll(pieces(Buffer.from(''), 1), ''), { code: 'invalid_content_type' })
  await assert.rejects(readAll(pieces(Buffer.from(''), 1), 'x'.repeat(201)), { code: 'invalid_content_type' })
})

test('a small part that is large is refused', async () => {
  await assert.rejects(collect(pieces(Buffer.alloc(11), 2), 10), { code: 'invalid_message' })
  assert.equal((await collect(pieces(Buffer.alloc(10), 3), 10)).length, 10)
  assert.equal((await collect(pieces(Buffer.alloc(0), 3), 10)).length, 0)
})

test('content types are taken apart', () => {
  const parse = (text: string) => {
    const { type, parameters } = mediaType(text)
    return [type, Object.fromEntries(parameters)]
  }
  assert.deepEqual(parse('multipart/mixed; charset=UTF-8; boundary=xtopA'), [
    'multipart/mixed',
    { charset: 'UTF-8', boundary: 'xtopA' },
  ])
  assert.deepEqual(parse(' Text/XML;Charset="utf-8" '), ['text/xml', { charset: 'utf-8' }])
  assert.deepEqual(parse('multipart/related; type="text/xml"; start="<a\\"b>"; boundary="a b;c"'), [
    'multipart/related',
    { type: 'text/xml', start: '<a"b>', boundary: 'a b;c' },
  ])
  assert.deepEqual(parse('signature/bdoc-1.0/ts'), ['signature/bdoc-1.0/ts', {}])
  assert.deepEqual(parse('text/xml;;'), ['text/xml', {}])
  for (const text of [
    '',
    'text',
    '/xml',
    'text/',
    'te xt/xml',
    'text/xml; a',
    'text/xml; a="b',
    'text/xml; a=b c',
    'text/xml; a=1; A=2',
    'text/xml, text/plain',
  ]) {
    assert.throws(() => mediaType(text), { code: 'invalid_content_type' }, text)
  }
  assert.throws(() => mediaType(`a/b${';a'.repeat(100_000)}`), { code: 'invalid_content_type' })
  // A minute and more, where a run of white space is tried in every split.
  const space = ' '.repeat(200_000)
  for (const text of [`a/b;a=${space}"`, `a/b;a${space}=${space}"`, `a/b;${space}"`, `a/b;a="b"${space}"`])
    assert.throws(() => mediaType(text), { code: 'invalid_content_type' })
  assert.equal(mediaType(`a/b; c =${space}; d="e"`).parameters.get('c'), '')
})

test('a part in the smallest pieces is put together in one buffer', async () => {
  async function* bytes() {
    for (let index = 0; index < 100_000; index += 1) yield Buffer.of(index & 255)
  }
  const whole = await collect(bytes(), 200_000)
  assert.equal(whole.length, 100_000)
  assert.ok(whole.every((byte, index) => byte === (index & 255)))
  assert.ok(whole.buffer.byteLength <= 400_000)
})
