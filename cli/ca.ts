// `saadik ca issue`: a certificate for a request, from the CA's control socket.
import { ISSUABLE_PROFILES, type IssueAnswer } from '#pki/contract'
import { parseCertificate, pem } from '#trust'
import type { Run } from './command.ts'
import { readInput, writeOutput } from './files.ts'
import { oneOf } from './suggest.ts'
import { controlOf, targetOf } from './targets.ts'

export const issue: Run = async (given, out) => {
  const profile = oneOf('--profile', given.text('profile'), ISSUABLE_PROFILES)
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
