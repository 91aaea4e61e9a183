// Keys with self-signed certificates, made here in a millisecond: configuration keys need nothing more (wire-conf §2.5).
import { generateKeyPairSync, sign as signWith } from 'node:crypto'
import {
  type Certificate,
  oids,
  parseCertificate,
  signatureFor,
  write,
  writeName,
  writeSignatureIdentifier,
} from '#trust'

export interface TestKey {
  readonly certificate: Certificate
  sign(data: Uint8Array): Promise<Uint8Array>
}

export function testKey(commonName: string, kind: 'ec' | 'rsa' = 'ec'): TestKey {
  const { publicKey, privateKey } =
    kind === 'ec'
      ? generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
      : generateKeyPairSync('rsa', { modulusLength: 2048 })
  const algorithm = signatureFor(publicKey)
  const signNow = (data: Uint8Array) => signWith('sha512', data, privateKey)
  const name = writeName([{ oid: oids.commonName, value: commonName }])
  const tbs = write.sequence(
    write.tagged(0, true, write.integer(2)),
    write.integer(1),
    writeSignatureIdentifier(algorithm),
    name,
    write.sequence(write.validity(new Date('1970-01-01T00:00:00Z')), write.validity(new Date('2038-01-01T00:00:00Z'))),
    name,
    publicKey.export({ format: 'der', type: 'spki' }),
  )
  const der = write.sequence(tbs, writeSignatureIdentifier(algorithm), write.bits(signNow(tbs)))
  return { certificate: parseCertificate(der), sign: async (data) => signNow(data) }
}
