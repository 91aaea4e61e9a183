// The answer for people: the verdict first, then who, when and every check; one line for what passed among many.
import type { Lasting } from '#evidence'
import type { ArchiveLinks, Check, ContainerReport, FileReport, LogProof, Report, Verdict } from '#verification'
import type { Output } from '../command.ts'
import { coloured, facts } from '../output.ts'
import type { Totals } from './totals.ts'

const COLOURS = { valid: 'green', invalid: 'red', indeterminate: 'yellow', unreadable: 'yellow' } as const

export function showContainer(file: string, report: ContainerReport, brief: boolean, out: Output): void {
  const { entry, verdict, indication, subIndication, checks } = report
  const name = entry === null ? file : `${file}: ${entry}`
  const words = `${indication}${subIndication ? ` (${subIndication})` : ''}`
  if (brief && verdict === 'valid') {
    const { signer = '', timestamp, proof } = report
    out.line(
      `${word(verdict)}  ${name}  ${words}  ${signer}  ${timestamp?.genTime ?? ''}${proof ? `  ${proof.state}` : ''}`,
    )
    return
  }
  out.line(`${word(verdict)}  ${name}  ${words}`)
  for (const line of facts(rows(report))) out.line(line)
  showChecks(checks, out)
  for (const { by, says, detail } of report.opinions ?? [])
    out.line(`  second opinion of ${by}: ${says === 'nothing' ? 'none' : says}${detail ? ` (${detail})` : ''}`)
}

export function showFile(file: string, report: FileReport, out: Output): void {
  const { kind, verdict, containers, archive, checks } = report
  if (kind === 'container') {
    showChecks(checks, out)
    return
  }
  const what = kind === 'unknown' || kind === 'encrypted' || kind === 'proofs' ? '' : `  ${kind} of ${containers}`
  out.line(`${word(verdict)}  ${file}${what}`)
  for (const line of facts([
    [
      'goes on from',
      archive && (archive.previous ? `${archive.previous.file}, ${archive.previous.digest}` : 'nothing: the first'),
    ],
    ['chain ends', archive?.lastDigest ?? undefined],
  ]))
    out.line(line)
  showChecks(checks, out)
}

export function showLinks({ runs, checks }: ArchiveLinks, out: Output): void {
  for (const { group, archives, first, last, after, lastDigest } of runs) {
    out.line(`${group === '' ? 'archives' : `archives of ${group}`}: ${archives}, without a gap`)
    for (const line of facts([
      ['first', first],
      ['last', archives > 1 ? last : undefined],
      ['goes on from', after ? `${after.file}, which is not here` : 'nothing: the first of its server'],
      ['chain ends', lastDigest],
    ]))
      out.line(line)
  }
  showChecks(checks, out)
}

export function showTotals(totals: Totals, out: Output): void {
  const { files, containers, verdicts, proofs, opinions, disagreements, brokenFiles, passedOver } = totals
  const counted = (Object.keys(verdicts) as Verdict[]).filter((verdict) => verdict === 'valid' || verdicts[verdict] > 0)
  out.line(
    `${plural(containers, 'container')} in ${plural(files, 'file')}: ${counted.map((verdict) => `${verdicts[verdict]} ${verdict}`).join(', ')}`,
  )
  const states = (Object.keys(proofs) as (keyof typeof proofs)[]).filter((state) => proofs[state] > 0)
  if (containers > proofs.none)
    out.line(`in the log: ${states.map((state) => `${proofs[state]} ${STATES[state]}`).join(', ')}`)
  for (const [by, count] of Object.entries(opinions))
    out.line(`second opinion of ${by}: on ${plural(count, 'signature')}`)
  if (disagreements > 0) out.line(coloured('red', `second opinions that differ: ${disagreements}`))
  if (brokenFiles > 0) out.line(coloured('red', `archives, bundles and downloads that are not whole: ${brokenFiles}`))
  if (passedOver > 0) out.line(`passed over, no evidence by its name: ${plural(passedOver, 'file')}`)
}

const STATES: Readonly<Record<LogProof['state'] | 'none', string>> = {
  witnessed: 'proven and witnessed',
  included: 'proven',
  'not witnessed': 'not yet witnessed',
  failed: 'refuted',
  'not judged': 'with a proof that was not judged (no log is pinned)',
  none: 'without a proof',
}

function rows(report: Report): readonly (readonly [string, string | undefined])[] {
  const {
    signer,
    signerName,
    signedAt,
    certificate,
    ocsp,
    timestamp,
    message,
    provenDigests = [],
    proof,
    lasting,
    believed,
  } = report
  const carries = message && message.attachments.length > 0 ? `, attachments: ${message.attachments.join(', ')}` : ''
  return [
    ['message', message && `${message.protocol} ${message.direction} ${message.id}${carries}`],
    ['signer', signer && `${signer}${signerName ? `, ${signerName}` : ''}`],
    ['signed', signedAt && `${signedAt} (as the signer says)`],
    ['certificate', certificate && `${certificate.subject}, serial number ${certificate.serialNumber}`],
    ['valid', certificate && `${certificate.notBefore} to ${certificate.notAfter}`],
    ['revocation', ocsp && `not revoked on ${ocsp.producedAt}, says ${ocsp.responder}`],
    ['time-stamp', timestamp && `${timestamp.genTime}, by ${timestamp.authority}`],
    ['proves nothing', message && message.unsigned.length > 0 ? message.unsigned.join(', ') : undefined],
    ...provenDigests.map(({ name, algorithm, value }) => ['proven digest', `${name} ${algorithm} ${value}`] as const),
    ['log', proof && proofWords(proof)],
    ['layout', lasting?.layout],
    ['kept by', lasting && keptBy(lasting)],
    ['good until', lasting && `${lasting.until}: then ${lasting.because}`],
    ['believed', believed?.join('; ')],
  ]
}

function keptBy({ timestamps }: Lasting): string {
  return timestamps.map(({ kind, genTime, digest }) => `${kind} ${genTime} (${digest})`).join(', ')
}

function proofWords({ state, origin, size, index, record, witnesses = [] }: LogProof): string {
  const parts = [
    STATES[state],
    record && `record ${record.seq} of ${record.at} on the ${record.side}'s side`,
    index !== undefined && `leaf ${index}${size === undefined ? '' : ` of ${size}`}`,
    origin && `log ${origin}`,
    ...witnesses.map(({ name, at }) => `witnessed by ${name} on ${at}`),
  ]
  return parts.filter(Boolean).join(', ')
}

function showChecks(checks: readonly Check[], out: Output): void {
  for (const { name, ok, code, detail } of checks) {
    const reason = [code, detail]
      .filter(Boolean)
      .join(': ')
      .replace(/[\r\n]+/g, ' ')
    out.line(`  ${ok ? coloured('green', '✔') : coloured('red', '✘')} ${name}${reason && !ok ? `: ${reason}` : ''}`)
  }
}

function word(verdict: Verdict): string {
  return coloured([COLOURS[verdict], 'bold'], verdict.toUpperCase())
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
