// `saadik ca issue`: a certificate for a request, from the CA's control socket.
import { ISSUABLE_PROFILES, type IssuableProfile, type IssueAnswer } from '#pki/contract'
import { parseCertificate, pem } from '#trust'
import type { Run } from './command.ts'
import { CliError } from './error.ts'
import { readInput, writeOutput } from './files.ts'
import { nearest } from './suggest.ts'
import { controlOf, targetOf } from './targets.ts'

export const issue: Run = async (given, out) => {
  const profile = profileOf(given.text('profile'))
  const [file = ''] = given.positionals
  const csr = await readInput(file)
  const text = csr.includes('-----BEGIN') ? csr.toString('latin1') : csr.toString('base64')
  const answer = await controlOf(targetOf(given, ['ca'], 'pki')).post<IssueAnswer>('/issue', { profile, csr: text })
  const der = Buffer.from(answer.certificate, 'base64')
  if (given.on('json')) {
    out.json(answer)
    return 0
  }
  await writeOutput(given.text('output'), pem('CERTIFICATE', der), out)
  const { subject, notAfter } = parseCertificate(der)
  out.note(`issued to ${subject.text} until ${notAfter.toISOString().slice(0, 10)}`)
  return 0
}

function profileOf(name: string | undefined): IssuableProfile {
  const known = ISSUABLE_PROFILES.find((profile) => profile === name)
  if (known) return known
  const guess = name === undefined ? undefined : nearest(name, ISSUABLE_PROFILES)
  throw new CliError(
    'usage',
    `--profile is one of ${ISSUABLE_PROFILES.join(', ')}${guess ? `, did you mean '${guess}'?` : ''}`,
  )
}
