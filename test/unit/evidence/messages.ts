// Messages of both protocols, and fresh containers over them.
import {
  insertTimestamp,
  type MessagePart,
  signatureValueOf,
  signMessage,
  timestampInput,
  writeContainer,
} from '#evidence'
import { digest, type OcspStatus } from '#trust'
import { type Country, type KeyKind, NOW } from './authority.ts'

export const REST_REQUEST = Buffer.from(
  'GET\r\n/r1/DEMO/GOV/70000009/other/service/items?limit=5\r\nAccept:*/*\r\nX-Road-Client:DEMO/GOV/70000001/register\r\nx-road-request-id:5d7f5a86-55f3-4f5e-9a0c-2f0c5d1f7b11\r\nx-road-id:an-id\r\n',
)
export const REST_RESPONSE = Buffer.from(
  '200\r\nOK\r\nContent-Type:application/json\r\nx-road-id:an-id\r\nx-road-client:DEMO/GOV/70000009/other\r\nx-road-service:DEMO/GOV/70000001/register/service\r\nx-road-request-id:5d7f5a86-55f3-4f5e-9a0c-2f0c5d1f7b11\r\nx-road-request-hash:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==\r\n',
)
export const SOAP_REQUEST = Buffer.from(
  '<?xml version="1.0" encoding="UTF-8"?><SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/" xmlns:id="http://x-road.eu/xsd/identifiers" xmlns:xroad="http://x-road.eu/xsd/xroad.xsd"><SOAP-ENV:Header>' +
    '<xroad:client id:objectType="SUBSYSTEM"><id:xRoadInstance>DEMO</id:xRoadInstance><id:memberClass>GOV</id:memberClass><id:memberCode>70000001</id:memberCode><id:subsystemCode>register</id:subsystemCode></xroad:client>' +
    '<xroad:service id:objectType="SERVICE"><id:xRoadInstance>DEMO</id:xRoadInstance><id:memberClass>GOV</id:memberClass><id:memberCode>70000009</id:memberCode><id:subsystemCode>other</id:subsystemCode><id:serviceCode>get</id:serviceCode></xroad:service>' +
    '<xroad:id>an-id</xroad:id><xroad:protocolVersion>4.0</xroad:protocolVersion></SOAP-ENV:Header><SOAP-ENV:Body><get xmlns="urn:service"/></SOAP-ENV:Body></SOAP-ENV:Envelope>',
)

export async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of source) chunks.push(chunk)
  return Buffer.concat(chunks)
}

export async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

export interface Evidence {
  readonly message: Buffer
  readonly body?: Buffer
  /** Whether the body is in the container; it is signed in any case. */
  readonly keepBody?: boolean
  readonly stamp: 'single' | 'batch'
  readonly kind?: KeyKind
  /** What the responder says of the signer. */
  readonly status?: OcspStatus
  /** Member code in the signer's certificate. */
  readonly code?: string
}

/** Signed at {@link NOW}, time-stamped half a minute later. */
export async function evidenceOf(country: Country, evidence: Evidence): Promise<Buffer> {
  const { message, body, keepBody = true, stamp, kind = 'EC-P256', status = 'good', code } = evidence
  const parts: MessagePart[] = [{ name: '/message.xml', digest: digest('SHA-512', message), bytes: message }]
  if (body !== undefined) parts.push({ name: '/attachment1', digest: digest('SHA-512', body) })
  const holder = country.member(kind, code === undefined ? {} : { code })
  const signer = await country.signer(holder, { ocsp: await country.ocsp(holder.certificate, { status }) })
  const { xml, chain, chainResult } = await signMessage(parts, signer, NOW)
  const own = { signatureDigest: digest('SHA-512', xml), signatureValue: signatureValueOf(xml) }
  const neighbour = { signatureDigest: digest('SHA-512', Buffer.from('another')), signatureValue: Buffer.of(1) }
  const { imprint, result, chains } = timestampInput(
    stamp === 'single' ? [own] : [neighbour, own, neighbour],
    'SHA-512',
  )
  const token = await country.stamp(imprint)
  const [, tsChain] = chains
  return collect(
    writeContainer({
      createdAt: NOW,
      message,
      signature: stamp === 'single' ? insertTimestamp(xml, token) : xml,
      ...(chain && chainResult ? { chain, chainResult } : {}),
      ...(result && tsChain ? { timestamp: { token, result, chain: tsChain } } : {}),
      attachments:
        body === undefined || !keepBody ? [] : [{ name: 'attachment1', size: body.length, body: () => once(body) }],
    }),
  )
}
