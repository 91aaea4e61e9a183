// `saadik log audit`: who searched the message log of a security server, and what was taken from it.
import { join } from 'node:path'
import { HostError, readAuditTrail } from '#host'
import { AUDIT_FOLDER, type SearchAuditEntry } from '#security-server/contract'
import type { Run } from './command.ts'
import { CliError } from './error.ts'
import { targetOf } from './targets.ts'

export const audit: Run = async (given, out) => {
  const folder = join(targetOf(given, ['security-server']).directory, AUDIT_FOLDER)
  const from = numberOf(given.text('after')) + 1
  let lines = 0
  let last = ''
  try {
    for await (const { chain, ...entry } of readAuditTrail<SearchAuditEntry>(folder, from)) {
      last = chain
      if (entry.seq < from) continue
      lines += 1
      const { seq, at, who, op, asked, found, outcome } = entry
      if (given.on('json')) process.stdout.write(`${JSON.stringify({ ...entry, chain })}\n`)
      else
        out.line(
          [
            `${String(seq).padStart(8)}  ${at}  ${who}  ${op}`,
            asked === '' ? '(all)' : asked,
            ...(found === undefined ? [] : [`${found} found`]),
            ...(outcome === 'ok' ? [] : [`refused: ${outcome}`]),
          ].join('  '),
        )
    }
  } catch (error) {
    if (error instanceof HostError) throw new CliError('failed', error.message, { cause: error })
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      throw new CliError('not_found', `there is no audit trail in ${folder}`)
    throw error
  }
  out.note(lines === 0 ? 'nothing was asked' : `${lines} lines, none changed; the chain ends with ${last}`)
  return 0
}

function numberOf(text: string | undefined): number {
  if (text === undefined) return 0
  if (!/^\d{1,15}$/.test(text)) throw new CliError('usage', `--after takes the number of a line, not '${text}'`)
  return Number(text)
}
