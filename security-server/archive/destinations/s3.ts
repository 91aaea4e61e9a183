// Any store that speaks S3. Files above a part go up in parts; each call carries the digest of its bytes, which the store compares.
import { type FileHandle, open } from 'node:fs/promises'
import type { IncomingHttpHeaders } from 'node:http'
import { passedOn } from '#host'
import { digest } from '#trust'
import { ArchiveError } from '../error.ts'
import type { S3Settings } from '../settings.ts'
import type { Destination, LocalFile } from './destination.ts'
import { type S3Call, S3Client } from './s3-client.ts'
import { readDocument } from './s3-document.ts'

/** S3 takes parts of 5 MiB to 5 GiB, at most 10,000 of them. One is in memory at a time. */
const PART_BYTES = 8 * 1024 * 1024
const MAX_PARTS = 10_000
/** Of the connection, while one file is read. */
const MAX_BREAKS = 4
const DAY_MS = 86_400_000
/** What a file is by our own account: one that is there already need not go up again. */
const OWN_DIGEST = 'x-amz-meta-sha256'
const LOCK_MODE = 'x-amz-object-lock-mode'
const LOCK_UNTIL = 'x-amz-object-lock-retain-until-date'

export function s3Destination(settings: S3Settings, now: () => Date): Destination {
  const client = new S3Client(settings)
  return {
    shown: client.shown,
    async put(file, signal) {
      const until = settings.lock && new Date(now().getTime() + settings.lock.days * DAY_MS)
      if (!(await isThere(client, file, signal))) await send(client, file, lockHeaders(settings, until), signal)
      if (until !== undefined) await mustBeLocked(client, file, lockHeaders(settings, until), signal)
    },
    read: (name, signal) => read(client, name, signal),
    close: () => client.close(),
  }
}

/** A run that ended before it knew what became of its file need not leave a second version of a locked one. */
async function isThere(client: S3Client, { name, bytes, sha256 }: LocalFile, signal: AbortSignal): Promise<boolean> {
  const headers = await head(client, name, signal)
  return headers?.['content-length'] === String(bytes) && headers[OWN_DIGEST] === sha256
}

function lockHeaders({ lock }: S3Settings, until: Date | undefined): Record<string, string> {
  if (lock === undefined || until === undefined) return {}
  return { [LOCK_MODE]: lock.mode, [LOCK_UNTIL]: until.toISOString() }
}

/**
 * A store may pass over what it does not know. Where the lock that was asked for is not there, it is asked for by itself, and then it must be.
 * To see it a client needs the right `s3:GetObjectRetention`.
 */
async function mustBeLocked(
  client: S3Client,
  { name }: LocalFile,
  lock: Record<string, string>,
  signal: AbortSignal,
): Promise<void> {
  const isLocked = async (): Promise<boolean> => (await head(client, name, signal))?.[LOCK_MODE] === lock[LOCK_MODE]
  if (await isLocked()) return
  const body = Buffer.from(
    `<Retention xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Mode>${lock[LOCK_MODE]}</Mode><RetainUntilDate>${lock[LOCK_UNTIL]}</RetainUntilDate></Retention>`,
  )
  await client.document({ method: 'PUT', name, query: { retention: '' }, headers: checksum(body), body }, signal)
  if (await isLocked()) return
  throw new ArchiveError('destination_failed', `${client.shown} has ${name}, but not locked`)
}

/** The headers of an object; undefined where there is none, which S3 does not admit (403) to who may not list the bucket. */
function head(client: S3Client, name: string, signal: AbortSignal): Promise<IncomingHttpHeaders | undefined> {
  return client.call(
    { method: 'HEAD', name },
    signal,
    async ({ status, headers, body }) => {
      for await (const _ of body);
      return status === 200 ? headers : undefined
    },
    [403, 404],
  )
}

async function send(
  client: S3Client,
  file: LocalFile,
  lock: Record<string, string>,
  signal: AbortSignal,
): Promise<void> {
  const handle = await open(file.path, 'r')
  try {
    const headers = { ...lock, [OWN_DIGEST]: file.sha256 }
    if (file.bytes <= PART_BYTES) await putWhole(client, file, handle, headers, signal)
    else await putParts(client, file, handle, headers, signal)
  } finally {
    await handle.close()
  }
}

async function putWhole(
  client: S3Client,
  file: LocalFile,
  handle: FileHandle,
  headers: Record<string, string>,
  signal: AbortSignal,
): Promise<void> {
  const body = await part(handle, file, 0, file.bytes)
  const call: S3Call = { method: 'PUT', name: file.name, headers: { ...headers, ...checksum(body) }, body }
  await client.document(call, signal)
}

/**
 * Parts are invisible until the upload is completed. A crash leaves an upload that nobody completes: the next attempt at the same file
 * gives it up, and so should a rule of the bucket for those that come never again.
 */
async function putParts(
  client: S3Client,
  file: LocalFile,
  handle: FileHandle,
  headers: Record<string, string>,
  signal: AbortSignal,
): Promise<void> {
  const { name, bytes } = file
  await giveUpOld(client, name, signal)
  const begun = await client.document(
    { method: 'POST', name, query: { uploads: '' }, headers: { ...headers, 'x-amz-checksum-algorithm': 'SHA256' } },
    signal,
  )
  const uploadId = begun.first('UploadId')
  if (uploadId === undefined) throw new ArchiveError('destination_failed', `${client.shown} began no upload of ${name}`)
  const size = Math.max(PART_BYTES, Math.ceil(bytes / MAX_PARTS))
  const parts: string[] = []
  for (let start = 0; start < bytes; start += size) {
    const number = parts.length + 1
    const body = await part(handle, file, start, Math.min(size, bytes - start))
    const sums = checksum(body)
    const query = { partNumber: String(number), uploadId }
    const etag = await client.call({ method: 'PUT', name, query, headers: sums, body }, signal, async (answer) => {
      for await (const _ of answer.body);
      return String(answer.headers['etag'] ?? '')
    })
    parts.push(
      `<Part><ChecksumSHA256>${sums['x-amz-checksum-sha256']}</ChecksumSHA256><ETag>${etag.replace(/[^\w"-]/g, '')}</ETag><PartNumber>${number}</PartNumber></Part>`,
    )
  }
  const body = Buffer.from(
    `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${parts.join('')}</CompleteMultipartUpload>`,
  )
  await client.document(
    { method: 'POST', name, query: { uploadId }, headers: { 'content-type': 'application/xml' }, body },
    signal,
  )
}

async function giveUpOld(client: S3Client, name: string, signal: AbortSignal): Promise<void> {
  const call: S3Call = { method: 'GET', query: { uploads: '', prefix: client.key(name) } }
  // Who may not list uploads (403) leaves them to a rule of the bucket.
  const list = await client.call(call, signal, ({ body }) => readDocument(body), [403])
  for (const uploadId of list.all('UploadId'))
    await client.call(
      { method: 'DELETE', name, query: { uploadId } },
      signal,
      async ({ body }) => {
        for await (const _ of body);
      },
      [404],
    )
}

async function part(handle: FileHandle, { name }: LocalFile, start: number, size: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(size)
  for (let done = 0; done < size; ) {
    const { bytesRead } = await handle.read(bytes, done, size - done, start + done)
    if (bytesRead === 0) throw new ArchiveError('destination_failed', `${name} in the work folder is cut off`)
    done += bytesRead
  }
  passedOn(size)
  return bytes
}

/** A lock wants one of these, and every store that knows them compares. */
function checksum(body: Uint8Array) {
  return {
    'x-amz-sdk-checksum-algorithm': 'SHA256',
    'x-amz-checksum-sha256': Buffer.from(digest('SHA-256', body)).toString('base64'),
  }
}

/** Goes on from where a connection broke off. */
async function* read(client: S3Client, name: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  let offset = 0
  for (let failures = 0; ; failures += 1) {
    const headers = offset === 0 ? {} : { range: `bytes=${offset}-` }
    const call: S3Call = { method: 'GET', name, headers }
    const { body, status } = await client.call(call, signal, async (answer) => answer)
    if (offset > 0 && status !== 206) throw client.failed(call, new Error('it gives no part of an object'))
    try {
      for await (const chunk of body) {
        offset += chunk.length
        yield chunk
      }
      return
    } catch (error) {
      if (signal.aborted || failures === MAX_BREAKS) throw client.failed(call, error)
    }
  }
}
