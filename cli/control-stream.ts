// Answers of the control socket that may be larger than memory.
import { createWriteStream } from 'node:fs'
import { type IncomingMessage, request } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { runtimeSocket } from '#host'
import { CliError } from './error.ts'
import type { Target } from './targets.ts'

const MAX_ERROR = 64 * 1024

/** The answer as it comes. @param body As JSON; a GET without one. Throws CliError with what the process said. */
export async function streamFrom(target: Target, path: string, body?: object): Promise<IncomingMessage> {
  const asked = request({
    socketPath: runtimeSocket(target.directory, 'control'),
    path,
    ...(body === undefined ? {} : { method: 'POST', headers: { 'Content-Type': 'application/json' } }),
  })
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    asked.on('response', resolve)
    asked.on('error', (cause) =>
      reject(new CliError('unreachable', `${target.shown} does not answer: ${cause.message}`, { cause })),
    )
  })
  asked.end(body === undefined ? undefined : JSON.stringify(body))
  const response = await answered
  if (response.statusCode === 200) return response
  response.setEncoding('utf8')
  let text = ''
  for await (const chunk of response) if (text.length < MAX_ERROR) text += chunk
  throw new CliError('failed', errorText(text))
}

/** Into a file, or to the standard output. */
export async function download(target: Target, path: string, file: string | undefined, body?: object): Promise<void> {
  const response = await streamFrom(target, path, body)
  await pipeline(response, file === undefined ? process.stdout : createWriteStream(file))
}

function errorText(body: string): string {
  try {
    const { error } = JSON.parse(body) as { error?: { message?: string } }
    return error?.message ?? body
  } catch {
    return body
  }
}
