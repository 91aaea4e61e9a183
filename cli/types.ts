// `saadik types`: what a program needs to call a service with types, made from the service's OpenAPI document.
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { AnswerError, createClient, NetworkError, type TlsOptions, type XRoadClient, XRoadError } from '#client'
import type { Arguments, Run } from './command.ts'
import { CliError } from './error.ts'
import { readDocument, readInput, writeOutput } from './files.ts'
import { nearbyDemo } from './nearby.ts'
import { typesOf } from './openapi-types/index.ts'

const SERVICE = /^[^/\\.]+(?:\/[^/]+){4}$/

export const types: Run = async (given, out) => {
  const [source = ''] = given.positionals
  const text =
    existsSync(source) || !SERVICE.test(source) ? (await readInput(source)).toString() : await download(source, given)
  await writeOutput(given.text('output'), typesOf(readDocument(text, source), source), out)
  return 0
}

async function download(service: string, given: Arguments): Promise<string> {
  const { url, client } = whoAsks(given)
  const tls = await tlsOf(given)
  let xroad: XRoadClient | undefined
  try {
    xroad = createClient({ securityServer: url, client, ...tls })
    return (await xroad.getOpenAPI(service)).text
  } catch (error) {
    if (error instanceof NetworkError) throw new CliError('unreachable', error.message, { cause: error })
    if (error instanceof XRoadError || error instanceof AnswerError)
      throw new CliError('failed', `no description of ${service}: ${error.message}`, { cause: error })
    if (error instanceof TypeError) throw new CliError('usage', error.message, { cause: error })
    throw error
  } finally {
    xroad?.close()
  }
}

/** As the options say, or the customs of the demo nearby: the information system of its examples. */
function whoAsks(given: Arguments): { url: string; client: string } {
  const url = given.text('url')
  const client = given.text('client')
  if (url !== undefined && client !== undefined) return { url, client }
  if (url !== undefined || client !== undefined) throw new CliError('usage', '--url and --client belong together')
  const demo = nearbyDemo(given.text('dir'))
  const config = demo?.processes['customs']
  if (!demo || config === undefined)
    throw new CliError(
      'usage',
      'by which security server, and as whom? --url http://ADDRESS:8080 --client INSTANCE/CLASS/MEMBER/SUBSYSTEM; there is no demo nearby either',
    )
  const file = join(demo.directory, config)
  const read = (path: string) => readDocument(readFileSync(path, 'utf8'), path)
  const { listen } = read(file) as { listen: { host: string; client: number } }
  const { clients } = read(join(dirname(file), 'server.yaml')) as { clients: [{ id: string }] }
  return { url: `http://${listen.host}:${listen.client}`, client: clients[0].id }
}

async function tlsOf(given: Arguments): Promise<{ tls?: TlsOptions }> {
  const tls: { cert?: string; key?: string; pinned?: string } = {}
  for (const option of ['cert', 'key', 'pinned'] as const) {
    const file = given.text(option)
    if (file !== undefined) tls[option] = (await readInput(file)).toString()
  }
  return Object.keys(tls).length === 0 ? {} : { tls }
}
