// The moulds that are kept, and where to look for the one that a document may fit.
import { Cache } from '#trust'
import { bufferOf, type Mould } from './mould.ts'
import { mouldOf } from './mould-maker.ts'
import type { ReadSignature } from './signature-reader.ts'

/** By {@link keyOf}; undefined inside: no mould can be made of such a document. */
const moulds = new Cache<{ readonly mould: Mould | undefined }>(1000)

/** Reads a signature that differs from a learnt one in its values alone; undefined when there is none, and it must be read in full. */
export function castSignature(bytes: Uint8Array): ReadSignature | undefined {
  const xml = bufferOf(bytes)
  const key = keyOf(xml)
  return key === undefined ? undefined : moulds.get(key)?.mould?.cast(xml)
}

/** Makes a mould of a signature that was read in full and passed every check: only members with valid certificates make moulds. */
export function learn(bytes: Uint8Array, signature: ReadSignature): void {
  const key = keyOf(bufferOf(bytes))
  if (key === undefined) return
  const xml = Buffer.from(bytes)
  moulds.set(key, { mould: mouldOf(xml, signature) }, 3 * xml.length)
}

const CERTIFICATE = 'X509Certificate>'
const ANSWER = 'OCSPValue'

/**
 * Where to look for a mould: length, end of the signer's certificate, beginning of the first OCSP answer, which holds its times. Only a hint:
 * whether the document fits is seen octet by octet.
 */
function keyOf(xml: Buffer): string | undefined {
  const opened = xml.indexOf(CERTIFICATE)
  const closed = opened < 0 ? -1 : xml.indexOf(CERTIFICATE, opened + CERTIFICATE.length)
  const answer = closed < 0 ? -1 : xml.indexOf(ANSWER, closed)
  return answer < 0
    ? undefined
    : `${xml.length} ${xml.toString('latin1', closed - 80, closed)} ${xml.toString('latin1', answer, answer + 400)}`
}
