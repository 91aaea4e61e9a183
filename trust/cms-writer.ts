// CMS SignedData (RFC 5652 §5) as it is written: one signer, signed attributes that name his certificate, the content inside or apart.
import { digestInfo, type SignatureAlgorithm } from './algorithms.ts'
import type { Certificate } from './certificate.ts'
import { digest } from './crypto.ts'
import { write } from './der-writer.ts'
import { oids } from './oids.ts'
import { writeSignatureIdentifier } from './signature-identifier.ts'

export interface SignedDataInput {
  /** OID of what is signed. */
  readonly contentType: string
  /** Absent where the content stands apart from its signature. */
  readonly content?: Uint8Array
  /** By the digest of the algorithm. */
  readonly contentDigest: Uint8Array
  readonly signer: Certificate
  /** What is put into it. */
  readonly certificates: readonly Certificate[]
  readonly signingTime: Date
  readonly algorithm: SignatureAlgorithm
}

/** A ContentInfo. `sign` signs the DER of the signed attributes as a SET (RFC 5652 §5.4). */
export async function buildSignedData(
  input: SignedDataInput,
  sign: (signedAttributes: Uint8Array) => Promise<Uint8Array>,
): Promise<Uint8Array> {
  const { contentType, content, contentDigest, signer, certificates, signingTime, algorithm } = input
  const attribute = (oid: string, value: Uint8Array) => write.sequence(write.oid(oid), write.set(value))
  // ESSCertIDv2 with its default digest, SHA-256 (RFC 5035 §4).
  const named = write.sequence(write.sequence(write.sequence(write.octets(digest('SHA-256', signer.der)))))
  const attributes = write.set(
    attribute(oids.contentType, write.oid(contentType)),
    attribute(oids.signingTime, write.validity(signingTime)),
    attribute(oids.messageDigest, write.octets(contentDigest)),
    attribute(oids.signingCertificateV2, named),
  )
  const implicit = Buffer.from(attributes)
  implicit[0] = 0xa0
  const digestIdentifier = write.sequence(write.oid(digestInfo(algorithm.digest).oid))
  const info = write.sequence(
    write.integer(1),
    write.sequence(signer.issuer.der, write.integer(signer.serialNumber)),
    digestIdentifier,
    implicit,
    writeSignatureIdentifier(algorithm),
    write.octets(await sign(attributes)),
  )
  const data = write.sequence(
    // Version 3 says that the content is of another type than plain data (§5.1).
    write.integer(contentType === oids.data ? 1 : 3),
    write.set(digestIdentifier),
    write.sequence(
      write.oid(contentType),
      ...(content === undefined ? [] : [write.tagged(0, true, write.octets(content))]),
    ),
    ...(certificates.length === 0
      ? []
      : [write.tagged(0, true, Buffer.concat(certificates.map(({ der }) => Buffer.from(der))))]),
    write.set(info),
  )
  return write.sequence(write.oid(oids.signedData), write.tagged(0, true, data))
}
