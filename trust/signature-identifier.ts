// AlgorithmIdentifier of signatures: the OID names the algorithm, except RSA-PSS, where the parameters do (RFC 4055 §3.1).
import { digestByOid, digestInfo, pssWith, type SignatureAlgorithm, signatureByOid } from './algorithms.ts'
import type { Der } from './der.ts'
import { write } from './der-writer.ts'
import { TrustError } from './error.ts'
import { oids } from './oids.ts'

/** Throws TrustError `unsupported_algorithm` for one that is not in the table. */
export function readSignatureIdentifier(identifier: Der): SignatureAlgorithm {
  const found = findSignatureIdentifier(identifier)
  if (found === undefined)
    throw new TrustError('unsupported_algorithm', `Signature algorithm ${identifier.child(0).oid()} is not accepted`)
  return found
}

/** Undefined for one that is not in the table: a certificate that carries it can be shown, not believed. */
export function findSignatureIdentifier(identifier: Der): SignatureAlgorithm | undefined {
  const oid = identifier.expect(0x30, 'algorithm identifier').child(0).oid()
  return oid === oids.rsaPss ? readPss(identifier) : signatureByOid(oid)
}

/** Digest, MGF1 over the same digest, salt of the digest's length: nothing else is accepted. */
function readPss(identifier: Der): SignatureAlgorithm | undefined {
  const [, parameters] = identifier.parts(0x30, 1, 2, 'algorithm identifier')
  // Without parameters it is SHA-1 (RFC 4055 §3.1).
  if (parameters === undefined) return undefined
  const hashOid = parameters.tagged(0)?.child(0).child(0).oid()
  const mask = parameters.tagged(1)?.child(0)
  const salt = parameters.tagged(2)?.child(0).integer()
  const digest = hashOid === undefined ? undefined : digestByOid(hashOid)
  if (
    digest === undefined ||
    mask?.child(0).oid() !== oids.mgf1 ||
    mask.child(1).child(0).oid() !== digest.oid ||
    salt !== BigInt(digest.length)
  )
    return undefined
  return pssWith(digest.name)
}

export function writeSignatureIdentifier(algorithm: SignatureAlgorithm): Uint8Array {
  if (algorithm.key === 'ec') return write.sequence(write.oid(algorithm.oid))
  if (algorithm.key === 'rsa') return write.sequence(write.oid(algorithm.oid), write.nul())
  const { oid, length } = digestInfo(algorithm.digest)
  const digest = write.sequence(write.oid(oid), write.nul())
  return write.sequence(
    write.oid(algorithm.oid),
    write.sequence(
      write.tagged(0, true, digest),
      write.tagged(1, true, write.sequence(write.oid(oids.mgf1), digest)),
      write.tagged(2, true, write.integer(length)),
    ),
  )
}
