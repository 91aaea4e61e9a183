// `saadik log show`: one message of the message log, for people.
import { request } from 'node:http'
import { runtimeSocket } from '#host'
import { controlPaths, type LogRecordDescription } from '#security-server/contract'
import type { Output, Run } from './command.ts'
import { CliError } from './error.ts'
import { facts } from './output.ts'
import { controlOf, type Target, targetOf } from './targets.ts'

/** A longer body is not for a screen. */
const SHOWN_BYTES = 64 * 1024

export const show: Run = async (given, out) => {
  const [id = ''] = given.positionals
  if (!/^\d{1,15}$/.test(id)) throw new CliError('usage', `ID is the number that 'saadik log find' shows, not '${id}'`)
  const target = targetOf(given, ['security-server'])
  const record = await controlOf(target).get<LogRecordDescription>(controlPaths.record(Number(id)))
  if (given.on('json')) {
    out.json(record)
    return 0
  }
  const { signature, timestamp, body } = record
  for (const line of facts([
    ['number', String(record.seq)],
    ['logged', record.at],
    ['message', `${record.protocol} ${record.direction}, on the ${record.side}'s server`],
    ['id', record.queryId],
    ['request id', record.requestId],
    ['client', record.client],
    ['service', record.service],
    ['user', record.userId],
    ['issue', record.issue],
    ['on behalf of', record.representedParty],
    ['signed by', signature.subject],
    ['certificate', signature.issuer && `${signature.serialNumber} of ${signature.issuer}`],
    ['signature', signature.algorithm && `${signature.algorithm}${signature.batch ? ', over a hash chain' : ''}`],
    ['time-stamp', timestamp ? `${timestamp.at} ${timestamp.authority ?? ''}` : 'none yet'],
    ['body', body && `${body.size} bytes${body.kept ? '' : ', not kept'}, SHA-512 ${body.sha512}`],
    ...(body?.attachments ?? []).map(
      ({ size, sha512 }, index) => [`attachment ${index + 1}`, `${size} bytes, SHA-512 ${sha512}`] as const,
    ),
  ]))
    out.line(line)
  out.line()
  if (record.reduced) out.note('what the message says is not kept here: this is its reduced form')
  out.line(readable(record.message ?? ''))
  if (body?.kept === true && body.size > 0) await showBody(target, record.seq, body, out)
  out.note(`nothing of this is verified: saadik log get ${record.seq} -o FILE, saadik verify FILE`)
  return 0
}

async function showBody(
  target: Target,
  seq: number,
  {
    size,
    attachments = [{ size }],
  }: { readonly size: number; readonly attachments?: readonly { readonly size: number }[] },
  out: Output,
): Promise<void> {
  for (const [index, { size: bytes }] of attachments.entries()) {
    const name = attachments.length === 1 ? 'the body' : `attachment ${index + 1}`
    const text =
      bytes > SHOWN_BYTES ? undefined : textIn(await bytesOf(target, controlPaths.attachment(seq, index + 1)))
    out.line()
    if (text === undefined) out.note(`${name} is no short text: it is in the container`)
    else out.line(readable(text))
  }
}

/** Lines of the wire end with both characters. */
function readable(text: string): string {
  return text.replaceAll('\r\n', '\n').trimEnd()
}

function textIn(bytes: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what has control characters is no text
    return /[\u0000-\u0008\u000b\u000c\u000e-\u001f]/.test(text) ? undefined : text
  } catch {
    return undefined
  }
}

function bytesOf(target: Target, path: string): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath: runtimeSocket(target.directory, 'control'), path }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () =>
        response.statusCode === 200
          ? resolve(Buffer.concat(chunks))
          : reject(
              new CliError('failed', `the body cannot be read: ${Buffer.concat(chunks).toString().slice(0, 500)}`),
            ),
      )
    })
    asked.on('error', (cause) =>
      reject(new CliError('unreachable', `${target.shown} does not answer: ${cause.message}`, { cause })),
    )
    asked.end()
  })
}
