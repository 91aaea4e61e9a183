// `saadik apply -f FILE`: a document into the server that it is for. The server says what changed.
import type { Run } from './command.ts'
import { CliError } from './error.ts'
import { readDocument, readInput } from './files.ts'
import { controlOf, type Kind, targetOf } from './targets.ts'

export const apply: Run = async (given, out) => {
  const file = given.text('file')
  if (file === undefined) throw new CliError('usage', 'which document? -f FILE')
  const document = readObject(file, (await readInput(file)).toString('utf8'))
  const kind = kindOf(document)
  if (kind === undefined) {
    throw new CliError(
      'unreadable',
      `${file} is neither a federation (instance, members, securityServers) nor a server document (clients)`,
    )
  }
  const target = targetOf(given, [kind], kind === 'central-server' ? 'central-server' : undefined)
  const { changes } = await controlOf(target).post<{ changes: readonly string[] }>('/apply', document)
  if (given.on('json')) out.json({ target: target.shown, changes })
  else if (changes.length === 0) out.line(`${target.shown}: nothing to change`)
  else {
    out.line(`${target.shown}: ${changes.length} ${changes.length === 1 ? 'change' : 'changes'}`)
    for (const change of changes) out.line(`  ${change}`)
  }
  return 0
}

function readObject(file: string, text: string): Record<string, unknown> {
  const value = readDocument(text, file)
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new CliError('unreadable', `${file} is not a YAML or JSON object`)
  return value as Record<string, unknown>
}

function kindOf(document: Record<string, unknown>): Kind | undefined {
  if ('instance' in document || 'members' in document || 'securityServers' in document) return 'central-server'
  return 'clients' in document ? 'security-server' : undefined
}
