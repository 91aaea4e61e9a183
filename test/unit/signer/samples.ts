// Real bytes of every kind that is signed, made by the rooms that make them in production.
import { createPublicKey, generateKeyPairSync, sign } from 'node:crypto'
import { signMessage } from '#evidence'
import { writeSignedDirectory } from '#protocol'
import type { Purpose } from '#signer'
import {
  buildOcspRequest,
  buildOcspResponse,
  buildTimestampRequest,
  buildTimestampResponse,
  type Certificate,
  digest,
  oids,
  parseCertificate,
  parseOcspRequest,
  parseTimestampRequest,
  type SignatureAlgorithm,
  signatureFor,
  write,
  writeName,
  writeSignatureIdentifier,
} from '#trust'

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
const publicKey = createPublicKey(privateKey)
export const algorithm: SignatureAlgorithm = signatureFor(publicKey)

const at = new Date('2026-11-25T10:00:00Z')

function tbsCertificate(): Uint8Array {
  const name = writeName([{ oid: oids.commonName, value: 'Sample' }])
  return write.sequence(
    write.tagged(0, true, write.integer(2)),
    write.integer(77),
    writeSignatureIdentifier(algorithm),
    name,
    write.sequence(write.validity(new Date(at.getTime() - 1000)), write.validity(new Date(at.getTime() + 1e9))),
    name,
    publicKey.export({ format: 'der', type: 'spki' }),
    write.tagged(
      3,
      true,
      write.sequence(
        write.sequence(write.oid(oids.basicConstraints), write.octets(write.sequence(write.boolean(true)))),
      ),
    ),
  )
}

function tbsCertList(): Uint8Array {
  return write.sequence(
    write.integer(1),
    writeSignatureIdentifier(algorithm),
    writeName([{ oid: oids.commonName, value: 'Sample' }]),
    write.validity(at),
    write.validity(new Date(at.getTime() + 1e6)),
    write.sequence(write.sequence(write.integer(5), write.validity(at))),
    write.tagged(0, true, write.sequence(write.sequence(write.oid(oids.crlNumber), write.octets(write.integer(1))))),
  )
}

const tbs = tbsCertificate()
const certificate: Certificate = parseCertificate(
  write.sequence(tbs, writeSignatureIdentifier(algorithm), write.bits(sign('sha512', tbs, privateKey))),
)

/** What a builder hands to its `sign`. */
async function captured(
  build: (signing: (data: Uint8Array) => Promise<Uint8Array>) => Promise<unknown>,
): Promise<Uint8Array> {
  let data: Uint8Array | undefined
  await build(async (bytes) => {
    data = bytes
    return sign('sha512', bytes, privateKey)
  })
  if (data === undefined) throw new Error('nothing was signed')
  return data
}

const soap = (body: string) =>
  Buffer.from(
    '<?xml version="1.0" encoding="UTF-8"?>\n<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:x="http://x-road.eu/xsd/xroad.xsd">' +
      `<s:Header><x:id>1</x:id></s:Header><s:Body>${body}</s:Body></s:Envelope>\n`,
  )

export async function samples(): Promise<Readonly<Record<Purpose, Uint8Array>>> {
  const signerFacts = { certificate, ocsp: Buffer.of(0x30, 0), intermediates: [], algorithm }
  const part = { name: '/message.xml', digest: digest('SHA-512', Buffer.from('x')), bytes: Buffer.from('x') }
  const [asked] = parseOcspRequest(buildOcspRequest(certificate, certificate)).certIds
  const request = parseTimestampRequest(
    buildTimestampRequest({ digest: 'SHA-512', imprint: Buffer.alloc(64), certReq: true }),
  )
  return {
    message: await captured((signing) => signMessage([part], { ...signerFacts, sign: signing }, at)),
    configuration: await captured((signing) =>
      writeSignedDirectory(
        {
          version: 6,
          expiresAt: at,
          parts: [
            {
              contentIdentifier: 'SHARED-PARAMETERS',
              instance: 'TEST',
              location: '/V6/1/shared-params.xml',
              bytes: Buffer.from('<x/>'),
            },
          ],
          certificate,
          algorithm,
        },
        signing,
      ),
    ),
    certificate: tbs,
    crl: tbsCertList(),
    ocsp: await captured((signing) =>
      buildOcspResponse(
        {
          responder: certificate,
          producedAt: at,
          answers: [{ certId: asked?.raw ?? new Uint8Array(), status: 'good', thisUpdate: at }],
          includeCertificates: [],
          algorithm,
        },
        signing,
      ),
    ),
    timestamp: await captured((signing) =>
      buildTimestampResponse(
        { request, tsa: certificate, policy: '1.2.3', serialNumber: 1n, genTime: at, algorithm },
        signing,
      ),
    ),
    management: soap('<x:clientReg><x:server/></x:clientReg>'),
  }
}

/** A message as an information system sends it: never signed raw. */
export const ordinarySoap = soap('<p:getPerson xmlns:p="urn:p"/>')

/** SignedInfo of a batch: the reference is to the hash chain's result. */
export function batchSignedInfo(): Promise<Uint8Array> {
  const parts = ['/message.xml', '/attachment1'].map((name) => ({
    name,
    digest: digest('SHA-512', Buffer.from(name)),
    bytes: Buffer.from(name),
  }))
  return captured((signing) =>
    signMessage(parts, { certificate, ocsp: Buffer.of(0x30, 0), intermediates: [], algorithm, sign: signing }, at),
  )
}
