// What a check and a verdict mean, for readers who know neither X-Road nor XML signatures.
import { CHECKS, type Report, type Verdict } from '#evidence'

const MEANINGS: Readonly<Record<string, string>> = {
  [CHECKS.container]: 'The file is a complete container, and can be read in one way only.',
  [CHECKS.trust]: 'Those who say whom to believe speak for the moment at which it was time-stamped.',
  [CHECKS.structure]: 'The signature is built as signatures of this kind are, without anything hidden in it.',
  [CHECKS.message]: 'The message is a request or a response that can be read.',
  [CHECKS.coverage]: 'Everything in the container that matters is covered by the signature.',
  [CHECKS.timestamp]: 'An independent authority confirms when the signature existed.',
  [CHECKS.chain]: 'The message is one of those that were signed together.',
  [CHECKS.certificate]: 'The certificate is one for signing, and the one that the signature names.',
  [CHECKS.signer]: 'The certificate is that of the institution in whose name the message speaks.',
  [CHECKS.value]: 'The signature was made with the key of this certificate.',
  [CHECKS.attachments]: 'What belongs to the message is in the container.',
  [CHECKS.withheld]: 'Parts were left out by the log that kept the message; only their digests can be proven.',
  [CHECKS.path]: 'A believed authority issued the certificate, and it was neither expired nor revoked then.',
  [CHECKS.record]: 'The proof of the log speaks of this very message.',
  [CHECKS.inclusion]:
    'The record stands in the log that keeps all messages of that server, and cannot be taken out unseen.',
  [CHECKS.witnesses]: 'Independent witnesses saw the log in this state, so that it cannot be rewritten.',
  [CHECKS.lasting]:
    'Time-stamps that renew one another, each in time, keep the container beyond the life of the certificates in it.',
  [CHECKS.opinion]: 'Other software that judged the same signature came to the same result.',
  'archive chain': 'The archive holds what was archived, all of it, in its order.',
  'link between archives': 'Each archive goes on from where the one before it ended.',
  file: 'The file can be read whole.',
  'configuration in the bundle': "The configuration that came along was signed by whom the auditor's anchor names.",
  'proofs beside it': 'The proofs that lie beside the file can be read.',
}

export function meaningOf(check: string): string {
  if (check.startsWith(CHECKS.digest)) return 'This part is, octet for octet, what was signed.'
  return MEANINGS[check] ?? ''
}

export const VERDICTS: Readonly<Record<Verdict, string>> = {
  valid: 'Everything that was examined holds.',
  invalid: 'Something does not hold, and no further evidence can mend it.',
  indeterminate: 'What is here proves neither that it is genuine nor that it is not.',
  unreadable: 'It could not be read, so nothing can be said of it.',
}

/** One sentence on what the container proves. */
export function sentenceFor(report: Report): string {
  const { verdict, signer, signerName, message, timestamp, checks } = report
  const who = signerName === undefined ? (signer ?? 'an unknown signer') : `${signerName} (${signer})`
  const what = message === undefined ? 'message' : message.direction
  if (verdict === 'valid')
    return `This ${what} was signed by ${who}; it existed at the latest on ${timestamp?.genTime ?? 'an unknown day'}, and has not been changed since.`
  const failed = checks.filter(({ ok }) => !ok)
  const why = failed.map(({ name, detail }) => detail ?? name).slice(0, 3)
  const rest = failed.length > why.length ? `, and ${failed.length - why.length} more` : ''
  const begins =
    verdict === 'invalid' ? `It is not proven that this ${what} is from ${who}` : VERDICTS[verdict].replace(/\.$/, '')
  return `${begins}: ${why.join('; ')}${rest}.`
}
