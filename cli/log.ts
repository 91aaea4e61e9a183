// `saadik log get`: what a security server keeps as evidence, taken out.
import { createWriteStream } from 'node:fs'
import { request } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { runtimeSocket } from '#host'
import { controlPaths } from '#security-server/contract'
import type { Run } from './command.ts'
import { CliError } from './error.ts'
import { type Target, targetOf } from './targets.ts'

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
