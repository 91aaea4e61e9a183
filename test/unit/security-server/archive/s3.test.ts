// Archives in S3-compatible stores by others: whole files and parts, locks, what a store must give back, failures that pass.
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { verifyArchive } from '#evidence'
import { s3Destination } from '../../../../security-server/archive/destinations/s3.ts'
import { archiveSchema } from '../../../../security-server/archive/index.ts'
import type { S3Settings } from '../../../../security-server/archive/settings.ts'
import { selfSigned } from '../../../federation/self-signed.ts'
import { atEnd, code, collect, temporaryDirectory } from '../message-log/fixture.ts'
import { fill, openStampedLog, openTestArchive } from './fixture.ts'
import { CREDENTIALS, KINDS, startS3, type TestS3 } from './s3-servers.ts'

const NOW = new Date()
const NEVER = new AbortController().signal

function settings(endpoint: string, directory: string, more: object = {}): S3Settings {
  const credentialsFile = join(directory, 'credentials')
  writeFileSync(
    credentialsFile,
    `[other]\naws_access_key_id = no\n[default]\naws_access_key_id = ${CREDENTIALS.accessKeyId}\naws_secret_access_key=${CREDENTIALS.secretAccessKey}\n`,
  )
  const parsed = archiveSchema.parse({
    destination: { s3: { endpoint, bucket: 'evidence', prefix: 'interior/', credentialsFile, ...more } },
  })
  assert.ok(parsed.destination !== undefined && 's3' in parsed.destination)
  return parsed.destination.s3
}

function localFile(directory: string, name: string, content: Buffer) {
  const path = join(directory, 'file')
  writeFileSync(path, content)
  return { path, name, bytes: content.length, sha256: createHash('sha256').update(content).digest('hex') }
}

async function makeBucket(s3: TestS3, headers: Record<string, string> = {}): Promise<void> {
  const made = await s3.call('PUT', '/evidence', headers)
  assert.equal(made.status, 200, made.text)
}

for (const kind of KINDS) {
  test(`${kind}: files go up whole and in parts, under names of every kind, and come back`, async (t) => {
    const s3 = await startS3(t, kind)
    if (s3 === undefined) return
    await makeBucket(s3)
    const directory = await temporaryDirectory(t)
    const destination = s3Destination(settings(s3.endpoint, directory), () => NOW)
    atEnd(t, () => destination.close())
    assert.equal(destination.shown, `s3://evidence/interior/ at ${new URL(s3.endpoint).host}`)
    for (const [name, size] of [
      ['mlog-1.zip', 1000],
      ["mlog-a+b c(õ)!'*~&=%2F-1.zip", 5000],
      ['mlog-empty.zip', 0],
      ['mlog-eight.zip', 8 * 1024 * 1024],
      ['mlog-parts.zip', 17 * 1024 * 1024 + 5],
    ] as const) {
      const content = randomBytes(size)
      const file = localFile(directory, name, content)
      await destination.put(file, NEVER)
      assert.ok(content.equals(await collect(destination.read(name, NEVER))), name)
      // Again: it is there already. Another one of the same name replaces it.
      await destination.put(file, NEVER)
      if (size !== 5000) continue
      const other = randomBytes(size)
      await destination.put(localFile(directory, name, other), NEVER)
      assert.ok(other.equals(await collect(destination.read(name, NEVER))))
    }
  })

  test(`${kind}: an upload that nobody finished is given up by the next one`, async (t) => {
    const s3 = await startS3(t, kind)
    if (s3 === undefined) return
    await makeBucket(s3)
    const directory = await temporaryDirectory(t)
    const destination = s3Destination(settings(s3.endpoint, directory), () => NOW)
    atEnd(t, () => destination.close())
    assert.equal((await s3.call('POST', '/evidence/interior/mlog-2.zip?uploads=')).status, 200)
    const uploads = async () => [...(await s3.call('GET', '/evidence?uploads=')).text.matchAll(/<UploadId>/g)].length
    assert.equal(await uploads(), 1)
    await destination.put(localFile(directory, 'mlog-2.zip', randomBytes(9 * 1024 * 1024)), NEVER)
    assert.equal(await uploads(), 0)
  })

  test(`${kind}: a locked archive cannot be deleted`, async (t) => {
    const s3 = await startS3(t, kind)
    if (s3 === undefined) return
    await makeBucket(s3, { 'x-amz-bucket-object-lock-enabled': 'true' })
    const directory = await temporaryDirectory(t)
    const lock = { mode: 'COMPLIANCE', days: 30 }
    const destination = s3Destination(settings(s3.endpoint, directory, { lock }), () => NOW)
    atEnd(t, () => destination.close())
    for (const [name, size] of [
      ['mlog-small.zip', 100],
      ['mlog-large.zip', 9 * 1024 * 1024],
    ] as const) {
      await destination.put(localFile(directory, name, randomBytes(size)), NEVER)
      const { headers } = await s3.call('HEAD', `/evidence/interior/${name}`)
      assert.equal(headers['x-amz-object-lock-mode'], 'COMPLIANCE')
      const until = Date.parse(String(headers['x-amz-object-lock-retain-until-date']))
      assert.equal(Math.round((until - NOW.getTime()) / 86_400_000), 30)
      const version = headers['x-amz-version-id']
      const deleted = await s3.call('DELETE', `/evidence/interior/${name}?versionId=${version}`)
      assert.equal(deleted.status, 403, deleted.text)
    }
  })

  test(`${kind}: the log is archived there`, async (t) => {
    const s3 = await startS3(t, kind)
    if (s3 === undefined) return
    await makeBucket(s3)
    const directory = await temporaryDirectory(t)
    const log = await openStampedLog(t, { directory: join(directory, 'log') })
    await fill(log, 20)
    const archive = await openTestArchive(t, {
      directory,
      log,
      settings: { grouping: 'member', destination: { s3: settings(s3.endpoint, directory) } },
    })
    await archive.run()
    const files = await archive.files({ after: 0, limit: 10 })
    assert.equal(files.length, 3)
    assert.equal((await archive.status()).archivedUpTo, 20)
    const destination = s3Destination(settings(s3.endpoint, directory), () => NOW)
    atEnd(t, () => destination.close())
    for (const { name } of files)
      assert.equal((await verifyArchive(destination.read(name, NEVER), 'first')).valid, true)
  })

  test(`${kind}: what a store refuses is told in its words`, async (t) => {
    const s3 = await startS3(t, kind)
    if (s3 === undefined) return
    const directory = await temporaryDirectory(t)
    const destination = s3Destination(settings(s3.endpoint, directory), () => NOW)
    atEnd(t, () => destination.close())
    await assert.rejects(
      destination.put(localFile(directory, 'mlog-1.zip', Buffer.from('x')), NEVER),
      (error: Error) => {
        assert.match(error.message, /NoSuchBucket|404/)
        return code('destination_failed')(error)
      },
    )
    await assert.rejects(collect(destination.read('mlog-none.zip', NEVER)), code('destination_failed'))
  })
}

test('versitygw: a wrong key is told as such', async (t) => {
  const s3 = await startS3(t, 'versitygw')
  if (s3 === undefined) return
  await makeBucket(s3)
  const directory = await temporaryDirectory(t)
  const wrong = settings(s3.endpoint, directory)
  writeFileSync(wrong.credentialsFile ?? '', '[default]\naws_access_key_id=testkey\naws_secret_access_key=wrong\n')
  const destination = s3Destination(wrong, () => NOW)
  atEnd(t, () => destination.close())
  await assert.rejects(collect(destination.read('mlog-1.zip', NEVER)), (error: Error) => {
    assert.match(error.message, /SignatureDoesNotMatch/)
    return code('destination_failed')(error)
  })
})

/** A store that misbehaves. */
async function rogue(
  t: TestContext,
  answer: (request: IncomingMessage, response: ServerResponse, count: number) => void,
): Promise<string> {
  let count = 0
  const server = createServer((request, response) => {
    request.resume().on('end', () => answer(request, response, ++count))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  atEnd(t, () => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('a failure that passes is waited out, and a broken read goes on where it broke', async (t) => {
  const directory = await temporaryDirectory(t)
  const content = randomBytes(300_000)
  const ranges: (string | undefined)[] = []
  const endpoint = await rogue(t, (request, response, count) => {
    if (count === 1) return void response.writeHead(503).end('<Error><Code>SlowDown</Code></Error>')
    ranges.push(request.headers.range)
    const from = Number(/\d+/.exec(request.headers.range ?? '')?.[0] ?? 0)
    response.writeHead(from === 0 ? 200 : 206, { 'content-length': content.length - from })
    if (from < 200_000) {
      response.write(content.subarray(from, from + 100_000))
      return void setTimeout(() => response.destroy(), 50)
    }
    response.end(content.subarray(from))
  })
  const destination = s3Destination(settings(endpoint, directory), () => NOW)
  atEnd(t, () => destination.close())
  assert.ok(content.equals(await collect(destination.read('mlog-1.zip', NEVER))))
  assert.deepEqual(ranges, [undefined, 'bytes=100000-', 'bytes=200000-'])
})

test('an error with status 200, or a page of a proxy, is no success', async (t) => {
  const directory = await temporaryDirectory(t)
  const file = localFile(directory, 'mlog-1.zip', Buffer.from('x'))
  const endpoint = await rogue(t, (request, response) => {
    if (request.method === 'HEAD') return void response.writeHead(404).end()
    response.writeHead(200).end('<Error><Code>AccessDenied</Code><Message>not today</Message></Error>')
  })
  const destination = s3Destination(settings(endpoint, directory), () => NOW)
  atEnd(t, () => destination.close())
  await assert.rejects(destination.put(file, NEVER), (error: Error) => {
    assert.match(error.message, /AccessDenied: not today/)
    return code('destination_failed')(error)
  })
  const page = await rogue(t, (_request, response) => void response.writeHead(403).end('<html><p>Who are you?'))
  const other = s3Destination(settings(page, directory), () => NOW)
  atEnd(t, () => other.close())
  await assert.rejects(other.put(file, NEVER), code('destination_failed'))
})

test('a store that passes over the lock has not locked', async (t) => {
  const directory = await temporaryDirectory(t)
  const asked: string[] = []
  const endpoint = await rogue(t, (request, response) => {
    asked.push(`${request.method} ${new URL(request.url ?? '', endpoint).search}`)
    response.writeHead(request.method === 'HEAD' && asked.length === 1 ? 404 : 200).end()
  })
  const lock = { mode: 'GOVERNANCE', days: 1 }
  const destination = s3Destination(settings(endpoint, directory, { lock }), () => NOW)
  atEnd(t, () => destination.close())
  await assert.rejects(destination.put(localFile(directory, 'mlog-1.zip', Buffer.from('x')), NEVER), (error: Error) => {
    assert.match(error.message, /not locked/)
    return code('destination_failed')(error)
  })
  assert.deepEqual(asked, ['HEAD ', 'PUT ', 'HEAD ', 'PUT ?retention=', 'HEAD '])
})

test('a store that gives back something else has not stored an archive', async (t) => {
  const directory = await temporaryDirectory(t)
  const log = await openStampedLog(t, { directory: join(directory, 'log') })
  await fill(log, 3)
  let honest = false
  let stored: Buffer = Buffer.alloc(0)
  const server = createServer(async (request, response) => {
    const body = await collect(request)
    if (request.method === 'HEAD') return void response.writeHead(404).end()
    if (request.method === 'PUT') stored = body
    const changed = honest ? stored : Buffer.concat([stored.subarray(1), Buffer.from('x')])
    response.writeHead(200).end(request.method === 'GET' ? changed : '')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  atEnd(t, () => {
    server.closeAllConnections()
    server.close()
  })
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const s3 = settings(endpoint, directory)
  const archive = await openTestArchive(t, { directory, log, settings: { destination: { s3 } } })
  await assert.rejects(archive.run(), code('read_back_differs'))
  assert.equal((await archive.status()).archivedUpTo, 0)
  honest = true
  await archive.run()
  assert.equal((await archive.status()).archivedUpTo, 3)
  assert.equal((await archive.status()).files, 1)
})

test('without credentials nothing is asked; those of the environment are taken where no file is named', async (t) => {
  const directory = await temporaryDirectory(t)
  const asked: (string | undefined)[] = []
  const endpoint = await rogue(t, (request, response) => {
    asked.push(request.headers.authorization, request.headers['x-amz-security-token'] as string | undefined)
    response.writeHead(200).end('content')
  })
  const { credentialsFile: _, ...s3 } = settings(endpoint, directory)
  const destination = s3Destination(s3, () => NOW)
  atEnd(t, () => destination.close())
  await assert.rejects(collect(destination.read('mlog-1.zip', NEVER)), code('credentials_missing'))
  assert.deepEqual(asked, [])
  const names = { AWS_ACCESS_KEY_ID: 'envkey', AWS_SECRET_ACCESS_KEY: 'envsecret', AWS_SESSION_TOKEN: 'token' }
  Object.assign(process.env, names)
  t.after(() => {
    for (const name of Object.keys(names)) delete process.env[name]
  })
  await collect(destination.read('mlog-1.zip', NEVER))
  assert.match(asked[0] ?? '', /^AWS4-HMAC-SHA256 Credential=envkey\/\d{8}\/us-east-1\/s3\/aws4_request/)
  assert.equal(asked[1], 'token')
  const missing = s3Destination({ ...s3, credentialsFile: join(directory, 'none') }, () => NOW)
  await assert.rejects(collect(missing.read('mlog-1.zip', NEVER)), code('credentials_missing'))
})

test('a store is believed that a named authority vouches for, and no other', async (t) => {
  const directory = await temporaryDirectory(t)
  const own = await selfSigned('localhost')
  const server = createTlsServer(own, (_request, response) => void response.end('content'))
  server.listen(0, 'localhost')
  await once(server, 'listening')
  atEnd(t, () => {
    server.closeAllConnections()
    server.close()
  })
  const endpoint = `https://localhost:${(server.address() as AddressInfo).port}`
  const ca = join(directory, 'ca.pem')
  writeFileSync(ca, own.cert)
  const trusting = s3Destination(settings(endpoint, directory, { ca }), () => NOW)
  atEnd(t, () => trusting.close())
  assert.equal((await collect(trusting.read('mlog-1.zip', NEVER))).toString(), 'content')
  writeFileSync(ca, (await selfSigned('localhost')).cert)
  const other = s3Destination(settings(endpoint, directory, { ca }), () => NOW)
  atEnd(t, () => other.close())
  await assert.rejects(collect(other.read('mlog-1.zip', NEVER)), code('destination_failed'))
})

test('the end of the server ends a call', async (t) => {
  const directory = await temporaryDirectory(t)
  const endpoint = await rogue(t, () => undefined)
  const destination = s3Destination(settings(endpoint, directory), () => NOW)
  atEnd(t, () => destination.close())
  const stop = new AbortController()
  const reading = collect(destination.read('mlog-1.zip', stop.signal))
  setTimeout(() => stop.abort(), 50)
  await assert.rejects(reading)
})
