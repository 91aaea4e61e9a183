// `saadik auditor new`: a token for an auditor, and what the server's file of auditors has to say of it.
import { hash, randomBytes } from 'node:crypto'
import type { Run } from './command.ts'

/** 256 random bits: nobody tries them out, so their digest needs no salt. */
const TOKEN_BYTES = 32

export const create: Run = async (given, out) => {
  const [name = ''] = given.positionals
  const members = given.texts('member')
  const token = randomBytes(TOKEN_BYTES).toString('base64url')
  const entry = {
    name,
    tokens: [`sha256:${hash('sha256', token, 'hex')}`],
    members: members.length === 0 ? 'all' : members,
    content: given.on('content'),
  }
  if (given.on('json')) {
    out.json({ token, entry })
    return 0
  }
  out.note('for the file of auditors, under "auditors":')
  // JSON is YAML too, and needs no rules of quoting.
  for (const [index, [key, value]] of Object.entries(entry).entries())
    out.line(`${index === 0 ? '- ' : '  '}${key}: ${JSON.stringify(value)}`)
  out.note('for the auditor, shown this once:')
  out.line(token)
  return 0
}
