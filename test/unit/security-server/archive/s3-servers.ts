// S3-compatible stores by others, for tests: versitygw checks signatures and locks, moto is what is easily had. Each is started on
// loopback and ends with the test.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { AwsV4Signer } from 'aws4fetch'
import { request } from 'undici'
import { hasTool } from '../../../tools.ts'
import { atEnd, temporaryDirectory } from '../message-log/fixture.ts'

export const CREDENTIALS = { accessKeyId: 'testkey', secretAccessKey: 'testsecret' }
const REGION = 'us-east-1'

export interface TestS3 {
  readonly endpoint: string
  /** A signed call that the code under test has no part in. */
  call(
    method: string,
    path: string,
    headers?: Record<string, string>,
    body?: string,
  ): Promise<{ status: number; text: string; headers: Record<string, unknown> }>
}

type Kind = 'versitygw' | 'moto_server'
export const KINDS: readonly Kind[] = ['versitygw', 'moto_server']

/** Starts one, or skips the test loudly where it is not installed. */
export async function startS3(t: TestContext, kind: Kind): Promise<TestS3 | undefined> {
  if (!hasTool(kind)) {
    t.skip(
      `SKIPPED, NOT PROVED: ${kind} is not installed (go install github.com/versity/versitygw/cmd/versitygw, pip install moto[server])`,
    )
    return undefined
  }
  const port = await freePort()
  const child = await spawned(t, kind, port)
  let ended = false
  child.once('exit', () => {
    ended = true
  })
  atEnd(t, () => child.kill('SIGKILL'))
  const endpoint = `http://127.0.0.1:${port}`
  const server: TestS3 = { endpoint, call: (...call) => signedCall(endpoint, ...call) }
  for (;;) {
    if (ended) throw new Error(`${kind} ended at its start`)
    const there = await server.call('GET', '/').catch(() => undefined)
    if (there !== undefined) return server
    await pause(50)
  }
}

async function spawned(t: TestContext, kind: Kind, port: number): Promise<ChildProcess> {
  if (kind === 'moto_server') return spawn(kind, ['-H', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' })
  const directory = await temporaryDirectory(t)
  for (const name of ['objects', 'versions']) await mkdir(join(directory, name))
  const { accessKeyId, secretAccessKey } = CREDENTIALS
  return spawn(
    kind,
    [
      ...['--access', accessKeyId, '--secret', secretAccessKey, '--region', REGION, '--port', `127.0.0.1:${port}`],
      ...['posix', '--versioning-dir', join(directory, 'versions'), join(directory, 'objects')],
    ],
    { stdio: 'ignore' },
  )
}

async function signedCall(
  endpoint: string,
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body?: string,
): ReturnType<TestS3['call']> {
  const signed = await new AwsV4Signer({
    ...CREDENTIALS,
    method,
    url: endpoint + path,
    headers,
    ...(body !== undefined && { body }),
    service: 's3',
    region: REGION,
  }).sign()
  const answer = await request(signed.url, {
    method: method as 'GET',
    headers: Object.fromEntries(signed.headers),
    body: body ?? null,
  })
  return { status: answer.statusCode, text: await answer.body.text(), headers: answer.headers }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}
