// The first message, made exactly as the reader would make it afterwards: the same URL, the same headers, through the client
// port of a security server; then its evidence, fetched and judged by the same command that an auditor has.
import { execFile } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { type IncomingMessage, request } from 'node:http'
import { extname, join, relative } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import { type Call, callsOf, curl } from './calls.ts'
import { DemoError } from './error.ts'
import { CUSTOMS, INSTANCE, type Layout, PORTS, type ServerLayout } from './layout.ts'
import type { Progress } from './progress.ts'

const MAX_ANSWER = 1024 * 1024
const ANSWER_WITHIN = 20_000

/** Sends it, shows the answer, its evidence and the verdict. Throws DemoError `first_message`. */
export async function firstMessage(layout: Layout, progress: Progress): Promise<void> {
  const [call] = callsOf(layout)
  progress.heading('First message: the Tax and Customs Board asks the population register')
  progress.command(curl(call))
  const answer = await send(call)
  for (const line of excerpt(answer.text)) progress.line(`  ${line}`)

  const server = layout.servers.find(({ owner }) => owner === CUSTOMS) as ServerLayout
  const query = new URLSearchParams({
    xRoadInstance: INSTANCE,
    memberClass: 'GOV',
    memberCode: CUSTOMS.code,
    subsystemCode: 'client',
    queryId: answer.id,
  })
  const base = `http://${server.host}:${PORTS.client}`
  const file = join(layout.files.evidence, 'first-message.asice')
  const evidence = `${base}/asic?${query}&responseOnly&unique&force`
  await download(evidence, file)
  const configuration = join(layout.files.evidence, 'verificationconf.zip')
  await download(`${base}/verificationconf`, configuration)

  const shown = (path: string) => (relative('', path).startsWith('..') ? path : relative('', path))
  progress.heading(
    'Its evidence: signed by the ministry, time-stamped, verified here by the command that an auditor has',
  )
  progress.command(`curl -o evidence.asice '${evidence}'`)
  progress.command(`npx saadik verify --conf ${shown(configuration)} ${shown(file)}`)
  for (const line of (await verify(configuration, file)).trimEnd().split('\n')) progress.line(`  ${line}`)
}

/** Sends a call of the demo and checks what is expected of it. */
async function send(call: Call): Promise<{ id: string; text: string }> {
  const response = await open(call.url, call)
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > MAX_ANSWER) throw new DemoError('first_message', 'the answer to the first message does not end')
    chunks.push(chunk)
  }
  const text = Buffer.concat(chunks).toString('utf8')
  const id = response.headers['x-road-id']
  if (response.statusCode !== call.expect.status || typeof id !== 'string') {
    throw new DemoError(
      'first_message',
      `the first message was answered with HTTP status ${response.statusCode}: ${text.slice(0, 1000).trim()}`,
    )
  }
  return { id, text }
}

async function download(url: string, file: string): Promise<void> {
  const response = await open(url, { method: 'GET', headers: {} })
  if (response.statusCode !== 200) {
    response.resume()
    throw new DemoError('first_message', `${url} was answered with HTTP status ${response.statusCode}`)
  }
  await rm(file, { force: true })
  await pipeline(response, createWriteStream(file, { mode: 0o600 }))
}

function open(url: string, { method, headers }: Pick<Call, 'method' | 'headers'>): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers, signal: AbortSignal.timeout(ANSWER_WITHIN) }, resolve)
    sent.once('error', (cause) =>
      reject(new DemoError('first_message', `no answer from ${new URL(url).host}: ${cause.message}`, { cause })),
    )
    sent.end()
  })
}

async function verify(configuration: string, file: string): Promise<string> {
  const main = join(import.meta.dirname, '..', 'cli', `main${extname(import.meta.filename)}`)
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [main, 'verify', '--conf', configuration, file])
    return stdout
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string }
    throw new DemoError(
      'first_message',
      `the evidence of the first message did not verify:\n${stdout ?? ''}${stderr ?? ''}`,
      { cause: error },
    )
  }
}

/** The beginning of a JSON answer: enough to see persons, not all of them. */
function excerpt(text: string): string[] {
  const lines = text.trimEnd().split('\n')
  return lines.length <= 24 ? lines : [...lines.slice(0, 22), `… ${lines.length - 22} lines more`]
}
