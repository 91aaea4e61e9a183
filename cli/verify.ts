// `saadik verify`: evidence in, verdict out. The judgement is the evidence room's; here are files, trust and words for people.
import { createReadStream } from 'node:fs'
import { type Report, verifyContainer } from '#evidence'
import type { Output, Run } from './command.ts'
import { coloured, facts } from './output.ts'
import { type Believed, believedBy } from './trust.ts'

/** One entry of `files` in the JSON answer; every key is always there. */
interface FileReport extends Omit<Report, 'subIndication'> {
  readonly file: string
}

export const verify: Run = async (given, out) => {
  const believed = await believedBy({ conf: given.text('conf'), anchor: given.text('anchor') })
  if (believed.how !== undefined) out.note(believed.how)
  const reports: FileReport[] = []
  for (const file of given.positionals) {
    const report = { file, ...(await judge(file, believed)) }
    reports.push(report)
    if (!given.on('json')) show(report, out)
  }
  if (given.on('json')) out.json({ files: reports.map(stable) })
  else if (reports.length > 1) out.line(summary(reports))
  // A falsified file must not hide behind an unreadable one.
  return reports.some(({ verdict }) => verdict === 'invalid' || verdict === 'indeterminate')
    ? 1
    : reports.some(({ verdict }) => verdict === 'unreadable')
      ? 2
      : 0
}

async function judge(file: string, { trust }: Believed): Promise<Report> {
  try {
    return await verifyContainer(createReadStream(file), trust)
  } catch (error) {
    // What cannot be opened was not judged; anything else that is thrown is a fault of ours and no verdict either.
    return {
      verdict: 'unreadable',
      indication: 'INDETERMINATE',
      checks: [
        {
          name: 'file',
          ok: false,
          code: (error as NodeJS.ErrnoException).code ?? 'unreadable',
          detail: (error as Error).message,
        },
      ],
    }
  }
}

function stable(report: FileReport & { subIndication?: string }): object {
  const { file, verdict, indication, subIndication, signer, signedAt, certificate, ocsp, timestamp, message, checks } =
    report
  return {
    file,
    verdict,
    indication,
    subIndication: subIndication ?? null,
    signer: signer ?? null,
    signedAt: signedAt ?? null,
    certificate: certificate ?? null,
    ocsp: ocsp ?? null,
    timestamp: timestamp ?? null,
    message: message ?? null,
    checks,
  }
}

function show(report: FileReport & { subIndication?: string }, out: Output): void {
  const { file, verdict, indication, subIndication, signer, signedAt, certificate, ocsp, timestamp, message, checks } =
    report
  const colour = verdict === 'valid' ? 'green' : verdict === 'invalid' ? 'red' : 'yellow'
  out.line(
    `${coloured([colour, 'bold'], verdict.toUpperCase())}  ${file}  ${indication}${subIndication ? ` (${subIndication})` : ''}`,
  )
  const carries = message && message.attachments.length > 0 ? `, attachments: ${message.attachments.join(', ')}` : ''
  for (const line of facts([
    ['message', message && `${message.protocol} ${message.direction}${carries}`],
    ['signer', signer],
    ['signed', signedAt && `${signedAt} (as the signer says)`],
    ['certificate', certificate && `${certificate.subject}, serial number ${certificate.serialNumber}`],
    ['valid', certificate && `${certificate.notBefore} to ${certificate.notAfter}`],
    ['revocation', ocsp && `not revoked on ${ocsp.producedAt}, says ${ocsp.responder}`],
    ['time-stamp', timestamp && `${timestamp.genTime}, by ${timestamp.authority}`],
  ]))
    out.line(line)
  for (const { name, ok, code, detail } of checks) {
    const reason = [code, detail]
      .filter(Boolean)
      .join(': ')
      .replace(/[\r\n]+/g, ' ')
    out.line(`  ${ok ? coloured('green', '✔') : coloured('red', '✘')} ${name}${reason && !ok ? `: ${reason}` : ''}`)
  }
}

function summary(reports: readonly FileReport[]): string {
  const count = (verdict: Report['verdict']) => reports.filter((report: Report) => report.verdict === verdict).length
  return `${reports.length} files: ${count('valid')} valid, ${count('invalid')} invalid, ${count('unreadable')} unreadable`
}
