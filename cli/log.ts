// `saadik log …`: what a security server keeps as evidence, found and taken out.
import { createWriteStream } from 'node:fs'
import { request } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { runtimeSocket } from '#host'
import { controlPaths, type LogEntry, type LogListing } from '#security-server/contract'
import type { Run } from './command.ts'
import { CliError } from './error.ts'
import { controlOf, type Target, targetOf } from './targets.ts'

const PAGE = 100
const MOST = 1000

export const find: Run = async (given, out) => {
  const [queryId] = given.positionals
  const control = controlOf(targetOf(given, ['security-server']))
  const records: LogEntry[] = []
  let after: number | undefined
  do {
    const query = new URLSearchParams({
      limit: String(PAGE),
      ...(queryId !== undefined && { queryId }),
      ...(after !== undefined && { after: String(after) }),
    })
    const page = await control.get<LogListing>(`${controlPaths.log}?${query}`)
    records.push(...page.records)
    after = page.next
  } while (after !== undefined && records.length < MOST)

  if (given.on('json')) {
    out.json({ records, more: after !== undefined })
    return 0
  }
  for (const { seq, at, side, direction, member, queryId: id, timestamped } of records) {
    out.line(
      `${String(seq).padStart(8)}  ${at}  ${side.padEnd(8)} ${direction.padEnd(8)}  ${member}  ${id}${timestamped ? '' : '  (not yet time-stamped)'}`,
    )
  }
  if (records.length === 0)
    out.note(queryId === undefined ? 'the log is empty' : `there is no message with the id ${queryId}`)
  if (after !== undefined) out.note(`there are more than ${records.length}; name the id of a message`)
  return records.length > 0 ? 0 : 1
}

export const get: Run = async (given, out) => {
  const [id = ''] = given.positionals
  if (!/^\d{1,15}$/.test(id)) throw new CliError('usage', `ID is the number that 'saadik log find' shows, not '${id}'`)
  const file = given.text('output')
  if (file === undefined && process.stdout.isTTY) throw new CliError('usage', 'a container is no text: -o FILE')
  const path = given.on('bundle') ? controlPaths.bundle(Number(id)) : controlPaths.container(Number(id))
  await download(targetOf(given, ['security-server']), `${path}?force=1`, file)
  if (file !== undefined) out.note(`written to ${file}; verify it: saadik verify ${file}`)
  return 0
}

/** A container may be larger than memory: it streams from the control socket to the file. */
function download(target: Target, path: string, file: string | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath: runtimeSocket(target.directory, 'control'), path }, (response) => {
      if (response.statusCode === 200) {
        pipeline(response, file === undefined ? process.stdout : createWriteStream(file)).then(resolve, reject)
        return
      }
      response.setEncoding('utf8')
      let text = ''
      response.on('data', (chunk: string) => {
        if (text.length < 65_536) text += chunk
      })
      response.on('end', () => reject(new CliError('failed', errorText(text))))
    })
    asked.on('error', (cause) =>
      reject(new CliError('unreachable', `${target.shown} does not answer: ${cause.message}`, { cause })),
    )
    asked.end()
  })
}

function errorText(body: string): string {
  try {
    const { error } = JSON.parse(body) as { error?: { message?: string } }
    return error?.message ?? body
  } catch {
    return body
  }
}
