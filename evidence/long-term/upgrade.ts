// An X-Road signature made XAdES B-LTA (EN 319 132-1 §6): what was signed stays octet by octet, what was not signed is written anew. The
// time-stamp that X-Road put in is over other octets than XAdES says, so it goes; what validates the signature comes in, and an archive
// time-stamp over all of it.
import { type Authority, authorityFor, type TrustMaterial, type XmlElement } from '#protocol'
import {
  type Certificate,
  type DigestName,
  digest,
  encodeBase64,
  equalBytes,
  issued,
  judgeOcsp,
  parseOcspResponse,
  TrustError,
  verifyPath,
} from '#trust'
import { C14N_EXCLUSIVE, type C14nMode } from '../c14n.ts'
import { EvidenceError } from '../error.ts'
import { DSIG, XADES } from '../signature-reader.ts'
import { verifyTrust } from '../verify-signature.ts'
import { LongTermError } from './error.ts'
import { archiveImprint, type ReferencedData, signatureValueOctets } from './imprint.ts'
import { type SignatureView, viewSignature, XADES_141 } from './signature-view.ts'

/** Who has to be asked, over whatever network. */
export interface Authorities {
  /** A token over the imprint that is believed, its authority's certificate in it. */
  stamp(digest: DigestName, imprint: Uint8Array): Promise<Stamp>
  /** The issuer's responder on the certificate as it stands now; undefined where none is known. */
  ocsp(certificate: Certificate, issuer: Certificate): Promise<Uint8Array | undefined>
}

export interface Stamp {
  /** DER. */
  readonly token: Uint8Array
  readonly genTime: Date
  readonly tsa: Certificate
}

export interface Upgrade {
  readonly signature: Uint8Array
  /** Whose member signed. */
  readonly instance: string
  readonly data: ReferencedData
  readonly trust: TrustMaterial
  readonly digest: DigestName
  readonly authorities: Authorities
}

/** Of all time-stamps that are made here: it does not depend on what stands around the signature. */
const MODE: C14nMode = { kind: 'exclusive' }
const METHOD = `<ds:CanonicalizationMethod Algorithm="${C14N_EXCLUSIVE}"/>`
/** Properties that are written anew from what they say; others hold something that would be lost. */
const REPLACED = new Set(['SignatureTimeStamp', 'CompleteCertificateRefs', 'CertificateValues', 'RevocationValues'])
const SIGNATURE_TIMESTAMP_ID = 'signature-time-stamp'
const NAMESPACES = `xmlns:ds="${DSIG}" xmlns:xades="${XADES}" xmlns:xadesv141="${XADES_141}"`

/**
 * The document of the upgraded signature.
 *
 * @throws LongTermError `not_conforming`, `too_late`; EvidenceError for a signature that is not believed now.
 */
export async function upgradeSignature(input: Upgrade): Promise<Uint8Array> {
  const { trust, instance, authorities } = input
  const view = viewSignature(input.signature)
  const { certificate } = view.read
  for (const { local } of view.unsigned)
    if (!REPLACED.has(local)) throw notConforming(`it has the unsigned property ${local}, which would be lost`)
  const document = around(view)
  unchanged(view, viewSignature(document('')))

  const stamp = await authorities.stamp(input.digest, digest(input.digest, signatureValueOctets(view, MODE)))
  if (stamp.genTime > certificate.notAfter)
    throw new LongTermError(
      'too_late',
      `The certificate of ${certificate.subject.text} ended on ${certificate.notAfter.toISOString()}: no time-stamp can show any more that the signature is older`,
    )
  const path = pathOf(view, input, stamp.genTime)
  const answers = await freshAnswers(path, view.read.ocspAnswers, authorities)
  const properties =
    timestamp('xades:SignatureTimeStamp', SIGNATURE_TIMESTAMP_ID, stamp.token) +
    (await tsaValidation(stamp, input)) +
    certificateValues(path.slice(1)) +
    revocationValues(answers)

  const upgraded = viewSignature(document(properties))
  believe(upgraded, instance, trust, stamp.genTime)
  const imprint = await archiveImprint(upgraded, upgraded.unsigned, MODE, input.digest, input.data)
  const archive = await authorities.stamp(input.digest, imprint)
  const finished = document(properties + timestamp('xadesv141:ArchiveTimeStamp', 'archive-time-stamp', archive.token))
  // What is written here must be what is read everywhere: within the reader's bounds, each Id once.
  viewSignature(finished)
  return finished
}

const WRAPPER = 'http://uri.etsi.org/02918/v1.2.1#'

/** The document with other unsigned properties; a bare signature gets the wrapper of EN 319 162-1. */
function around({
  text,
  wrapper,
  signature,
  signedProperties,
  qualifying,
}: SignatureView): (unsigned: string) => Buffer {
  const end = closingTag(text, qualifying)
  const [before, after] =
    wrapper === undefined
      ? [
          `<?xml version="1.0" encoding="UTF-8"?><asic:XAdESSignatures xmlns:asic="${WRAPPER}">${text.slice(signature.start, signedProperties.end)}`,
          `${text.slice(end, signature.end)}</asic:XAdESSignatures>`,
        ]
      : [text.slice(0, signedProperties.end), text.slice(end)]
  if (wrapper !== undefined && wrapper.namespace !== WRAPPER)
    throw notConforming(`its root has the namespace ${wrapper.namespace}, and its signed parts carry it`)
  return (unsigned) =>
    Buffer.from(
      `${before}<xades:UnsignedProperties ${NAMESPACES}><xades:UnsignedSignatureProperties>${unsigned}</xades:UnsignedSignatureProperties></xades:UnsignedProperties>${after}`,
    )
}

/** Inclusive canonicalisation carries the namespaces around an element into what is signed of it. */
function unchanged(before: SignatureView, after: SignatureView): void {
  const octets = ({ read, references }: SignatureView) => {
    const mode = references.find(({ uri }) => uri === `#${read.signedPropertiesId}`)?.mode
    return Buffer.concat([read.signedInfo(), read.signedProperties(mode ?? { kind: 'inclusive' })])
  }
  if (!equalBytes(octets(before), octets(after)))
    throw notConforming('it has no wrapper, and a new one would change what it signs')
}

/** Where the element's end tag begins. */
function closingTag(text: string, { name, end }: XmlElement): number {
  return text.lastIndexOf(`</${name}`, end)
}

/** From the signer to the CA that the trust names and, above it, the CAs that certified that one, as far as they are known. */
function pathOf({ read }: SignatureView, { trust, instance }: Upgrade, at: Date): readonly Certificate[] {
  const { certificate, intermediates } = read
  const anchor = authorityFor(trust, certificate, instance)?.certificate
  if (anchor === undefined)
    throw new EvidenceError(
      'cannot_create_cert_path',
      `No approved CA of ${instance} issued ${certificate.subject.text}`,
    )
  const path = [...verifiedPath(certificate, anchor, intermediates, at), anchor]
  for (let top = anchor; ; ) {
    const above = trust.authorities.find((one) => !path.includes(one.certificate) && issued(one.certificate, top))
    if (above === undefined) return path
    path.push(above.certificate)
    top = above.certificate
  }
}

function verifiedPath(...[leaf, anchor, extra, at]: Parameters<typeof verifyPath>): readonly Certificate[] {
  try {
    return verifyPath(leaf, anchor, extra, at)
  } catch (cause) {
    if (!(cause instanceof TrustError)) throw cause
    throw new EvidenceError('cannot_create_cert_path', cause.message, { cause })
  }
}

/** Of now first: they are younger than the signature's time-stamp, and the first about a certificate counts. What X-Road took along stays. */
async function freshAnswers(
  path: readonly Certificate[],
  own: readonly Uint8Array[],
  authorities: Authorities,
): Promise<readonly Uint8Array[]> {
  const fresh: Uint8Array[] = []
  for (const [at, certificate] of path.entries()) {
    const issuer = path[at + 1]
    const answer = issuer && (await authorities.ocsp(certificate, issuer))
    if (answer !== undefined) fresh.push(answer)
  }
  return [...fresh, ...own]
}

/** What shows that the time-stamping authority was certified and not revoked, for those who trust its CA and not itself. */
async function tsaValidation({ tsa, genTime }: Stamp, { trust, authorities }: Upgrade): Promise<string> {
  const authority = trust.authorities.find((one) => issued(one.certificate, tsa))
  if (authority === undefined) return ''
  const issuer = authority.certificate
  const answer = await authorities.ocsp(tsa, issuer)
  if (answer !== undefined) judgeAnswer(tsa, answer, authority, trust, genTime)
  return `<xadesv141:TimeStampValidationData URI="#${SIGNATURE_TIMESTAMP_ID}">${certificateValues([issuer])}${answer === undefined ? '' : revocationValues([answer])}</xadesv141:TimeStampValidationData>`
}

/** Nobody would believe a time-stamp of an authority that its own CA does not vouch for. */
function judgeAnswer(tsa: Certificate, answer: Uint8Array, authority: Authority, trust: TrustMaterial, at: Date): void {
  const judge = {
    issuer: authority.certificate,
    responders: authority.responders,
    authorities: trust.authorities.map(({ certificate }) => certificate),
  }
  const policy = { at, freshnessSeconds: trust.ocspFreshnessSeconds, verifyNextUpdate: trust.verifyNextUpdate }
  try {
    judgeOcsp(tsa, parseOcspResponse(answer), judge, policy)
  } catch (cause) {
    if (!(cause instanceof TrustError)) throw cause
    throw new LongTermError('timestamp_invalid', `${tsa.subject.text}: ${cause.message}`, { cause })
  }
}

/** As a verifier will judge it, at the time that its new time-stamp proves. */
function believe({ read }: SignatureView, instance: string, trust: TrustMaterial, at: Date): void {
  try {
    verifyTrust(read, instance, trust, at)
  } catch (cause) {
    if (!(cause instanceof EvidenceError) || cause.code !== 'invalid_cert_path.cert_validation') throw cause
    throw new LongTermError(
      'too_late',
      `${cause.message}: a time-stamp of now does not show that the signature is older than the revocation`,
      { cause },
    )
  }
}

function timestamp(name: string, id: string, token: Uint8Array): string {
  return `<${name} Id="${id}">${METHOD}<xades:EncapsulatedTimeStamp>${encodeBase64(token)}</xades:EncapsulatedTimeStamp></${name}>`
}

function certificateValues(certificates: readonly Certificate[]): string {
  const values = certificates.map(
    ({ der }) => `<xades:EncapsulatedX509Certificate>${encodeBase64(der)}</xades:EncapsulatedX509Certificate>`,
  )
  return `<xades:CertificateValues>${values.join('')}</xades:CertificateValues>`
}

function revocationValues(answers: readonly Uint8Array[]): string {
  const values = answers.map((der) => `<xades:EncapsulatedOCSPValue>${encodeBase64(der)}</xades:EncapsulatedOCSPValue>`)
  return `<xades:RevocationValues><xades:OCSPValues>${values.join('')}</xades:OCSPValues></xades:RevocationValues>`
}

function notConforming(why: string): LongTermError {
  return new LongTermError('not_conforming', `No conforming container can be made of this signature: ${why}`)
}
