// The report as one printable page: no script, nothing from elsewhere, every text escaped. Made in pieces, so that a report on a million
// containers is never whole in memory; what goes where is the caller's, who knows the counts only at the end.
import type { Check, LogProof, Report, Verdict } from '#evidence'
import type { ArchiveLinks } from '../archive-links.ts'
import type { ContainerReport, FileReport } from '../judge.ts'
import { html, Markup } from './markup.ts'
import { meaningOf, sentenceFor, VERDICTS } from './plain-words.ts'
import { STYLE } from './style.ts'
import { timeline } from './timeline.ts'

export interface ReportCover {
  readonly title: string
  /** ISO 8601. */
  readonly madeAt: string
  /** By which software. */
  readonly madeBy: string
  /** What was named for verification. */
  readonly examined: readonly string[]
  /** Whom the auditor chose to believe; each with a digest of what he brought. */
  readonly believed: readonly { readonly what: string; readonly sha256: string }[]
  readonly counts: readonly (readonly [label: string, count: number])[]
  readonly verdict: Verdict
  /** The sentence below the verdict. */
  readonly summary: string
  readonly links: ArchiveLinks
  /** What is not on this page, in words. */
  readonly leftOut: readonly string[]
}

/** Everything before the list of containers. */
export function reportHead(cover: ReportCover): string {
  const { title, madeAt, madeBy, examined, believed, counts, verdict, summary, links, leftOut } = cover
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${new Markup(STYLE)}
</style>
</head>
<body>
<h1>${title}</h1>
<p class="faint">Evidence of X-Road messages, judged at the time of their time-stamps, in the words of ETSI EN 319 102-1.</p>
<div class="verdict ${verdict}"><strong>${SUMMARY[verdict]}</strong><p>${summary}</p></div>
<table class="facts">
${fact('made', `${madeAt} by ${madeBy}`)}
<tr><th>examined</th><td>${examined.map((one) => html`<div>${one}</div>`)}</td></tr>
<tr><th>believed, because the auditor brought it</th><td>${believed.map(({ what, sha256 }) => html`<div>${what}<br><span class="mono faint">SHA-256 ${sha256}</span></div>`)}</td></tr>
</table>
<h2>Counts</h2>
<table><tbody>${counts.map(([label, count]) => html`<tr><td>${label}</td><td class="number">${count}</td></tr>`)}</tbody></table>
${linksOf(links)}${leftOut.length > 0 ? html`<p class="faint">${leftOut.map((one) => html`${one} `)}</p>` : undefined}<h2>Containers</h2>
<table class="list"><thead><tr><th>verdict</th><th>file</th><th>signer</th><th>time-stamp (UTC)</th></tr></thead><tbody>
`.text
}

const SUMMARY: Readonly<Record<Verdict, string>> = {
  valid: 'All evidence passed',
  invalid: 'Not all evidence passed',
  indeterminate: 'Not all evidence could be determined',
  unreadable: 'Not all evidence could be read',
}

/** One container in the list. */
export function reportRow(file: string, report: ContainerReport): string {
  const { entry, verdict, indication, subIndication, signer = '', timestamp } = report
  const [day = '', time = ''] = timestamp?.genTime.replace(/(\.000)?Z$/, '').split('T') ?? []
  return html`<tr><td>${badge(verdict)}<br><span class="faint small">${subIndication ?? indication}</span></td><td>${nameOf(file, entry)}</td><td>${signer}</td><td>${day}<br>${time}</td></tr>
`.text
}

/** A file in the list: an archive, a bundle, a download, or what could not be read. */
export function reportFileRow(file: string, { kind, verdict, containers, checks }: FileReport): string {
  const failed = checks.filter(({ ok }) => !ok)
  return html`<tr><td>${badge(verdict)}</td><td colspan="3">${file}: ${kind}${containers > 0 ? ` of ${containers}` : ''}${failed.map(({ code, detail }) => html`<br><span class="small">${code}: ${detail ?? ''}</span>`)}</td></tr>
`.text
}

/** Between the list and the details. */
export function reportMiddle(): string {
  return '</tbody></table>\n'
}

/** A page on one container. */
export function reportDetail(file: string, report: ContainerReport): string {
  const { entry, verdict, indication, subIndication, checks } = report
  const picture = timeline(report)
  return html`<section class="container">
<h2>${nameOf(file, entry)}</h2>
<div class="verdict ${verdict}"><strong>${indication}${subIndication ? ` / ${subIndication}` : ''}</strong><p>${sentenceFor(report)}</p></div>
${
  picture &&
  html`<figure>${picture}<figcaption>In order, not to scale. Filled: proven by others than the signer; hollow: as claimed; blue: the life of the signing certificate.</figcaption></figure>
`
}<table class="facts">${factsOf(report)}</table>
<h3>What was examined</h3>
${checksTable(checks)}</section>
`.text
}

/** What the words mean, and the end. */
export function reportEnd(): string {
  return html`<h2>What the words mean</h2>
<table class="facts">
${(Object.keys(VERDICTS) as Verdict[]).map((verdict) => html`<tr><th>${badge(verdict)}</th><td>${VERDICTS[verdict]}</td></tr>`)}
<tr><th>TOTAL-PASSED, TOTAL-FAILED, INDETERMINATE</th><td>The three outcomes of ETSI EN 319 102-1 for a signature, the last two with a sub-indication that says why. What that standard does not speak of, such as the place of a record in a log or a second opinion, changes the verdict and not the indication.</td></tr>
<tr><th>time-stamp</th><td>The moment by which everything is judged: a certificate that expired or was revoked later does not matter.</td></tr>
</table>
<footer class="faint small">This page contains no script and loads nothing. Where it was signed, the signature lies beside it (.p7s).</footer>
</body>
</html>
`.text
}

function linksOf({ runs, checks }: ArchiveLinks): Markup | undefined {
  if (runs.length === 0) return undefined
  return html`<h2>Archives</h2>
<table><thead><tr><th>archives</th><th>from</th><th>to</th><th>goes on from</th></tr></thead><tbody>${runs.map(
    ({ archives, first, last, after }) =>
      html`<tr><td class="number">${archives}</td><td>${first}</td><td>${last}</td><td>${after === null ? 'nothing: the first' : `${after.file} (not examined)`}</td></tr>`,
  )}</tbody></table>
${
  checks.length > 0
    ? checksTable(checks)
    : html`<p>${runs.some(({ archives }) => archives > 1) ? 'They go on from one another without a gap.' : ''}</p>
`
}`
}

function factsOf(report: Report): readonly Markup[] {
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
    opinions = [],
    lasting,
    believed = [],
  } = report
  return [
    message && fact('message', `${message.protocol} ${message.direction}, id ${message.id}`),
    message && message.attachments.length > 0 ? fact('attachments', message.attachments.join(', ')) : undefined,
    signer === undefined ? undefined : fact('signer', `${signer}${signerName ? `, ${signerName}` : ''}`),
    signedAt === undefined ? undefined : fact('signed', `${signedAt}, as the signer says`),
    timestamp && fact('time-stamp', `${timestamp.genTime}, by ${timestamp.authority}`),
    certificate &&
      fact(
        'certificate',
        `${certificate.subject}, serial number ${certificate.serialNumber}, issued by ${certificate.issuer}`,
      ),
    certificate && fact('valid', `${certificate.notBefore} to ${certificate.notAfter}`),
    ocsp && fact('revocation', `not revoked on ${ocsp.producedAt}, says ${ocsp.responder}`),
    ...provenDigests.map(
      ({ name, algorithm, value }) =>
        html`<tr><th>proven digest</th><td>${name}<br><span class="mono">${algorithm} ${value}</span></td></tr>`,
    ),
    message && message.absent.length > 0 ? fact('signed, not here', message.absent.join(', ')) : undefined,
    message && message.unsigned.length > 0 ? fact('here, not signed', message.unsigned.join(', ')) : undefined,
    proof && html`<tr><th>log</th><td>${logWords(proof).map((one) => html`<div>${one}</div>`)}</td></tr>`,
    ...(lasting?.timestamps ?? []).map(({ kind, genTime, digest, authority }) =>
      fact('kept by', `${kind} ${genTime} (${digest}), by ${authority}`),
    ),
    lasting && fact('good until', `${lasting.until}: then ${lasting.because}`),
    ...opinions.map(({ by, says, detail }) =>
      fact('second opinion', `${by}: ${says === 'nothing' ? 'none' : says}${detail ? ` (${detail})` : ''}`),
    ),
    believed.length > 0 ? fact('believed', believed.join('; ')) : undefined,
  ].filter((row) => row !== undefined)
}

function logWords({ state, origin, index, size, record, witnesses = [] }: LogProof): readonly string[] {
  return [
    STATES[state],
    ...(record ? [`record ${record.seq}, written ${record.at} on the ${record.side}'s side`] : []),
    ...(origin === undefined ? [] : [`leaf ${index} of ${size} in ${origin}`]),
    ...witnesses.map(({ name, at }) => `witnessed by ${name} on ${at}`),
  ]
}

const STATES: Readonly<Record<LogProof['state'], string>> = {
  witnessed: 'its place in the log is proven, and witnessed',
  included: 'its place in the log is proven',
  'not witnessed': 'in the log, not yet witnessed',
  failed: 'the proof does not hold',
  'not judged': 'a proof came along; no log was named to judge it by',
}

function checksTable(checks: readonly Check[]): Markup {
  return html`<table class="checks"><tbody>${checks.map(
    ({ name, ok, code, detail }) =>
      html`<tr><td class="${ok ? 'valid' : 'invalid'}">${ok ? '✔' : '✘'}</td><td>${name}${ok ? undefined : html`<br><span class="why small">${code ?? ''}${detail ? `: ${detail}` : ''}</span>`}</td><td class="faint small">${meaningOf(name)}</td></tr>`,
  )}</tbody></table>
`
}

function badge(verdict: Verdict): Markup {
  return html`<span class="badge ${verdict}">${verdict.toUpperCase()}</span>`
}

function nameOf(file: string, entry: string | null): string {
  return entry === null ? file : `${file}: ${entry}`
}

function fact(label: string, value: string): Markup {
  return html`<tr><th>${label}</th><td>${value}</td></tr>`
}
