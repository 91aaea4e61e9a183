// A time-stamping authority for the tests of reading and judging tokens.
import { sign as signWith } from 'node:crypto'
import {
  buildTimestampRequest,
  buildTimestampResponse,
  type Certificate,
  type DigestName,
  digest,
  oids,
  parseTimestampRequest,
  parseTimestampResponse,
  parseTimestampToken,
  readDer,
  signatureFor,
  type TimestampRequestInput,
  verifyTimestampToken,
  write,
} from '#trust'
import { authority, certify, type Holder, NOW } from './certify.ts'

export const root = authority('Root of time')
export const POLICY = '2.25.187417736174192509133950134164864946388'
export const DATA = Buffer.from('what is stamped')
export const refused = { name: 'TrustError', code: 'timestamp_invalid' }
export const malformed = { name: 'TrustError', code: /^malformed_(timestamp|der)$/ }

export const tsaOf = (more: object = {}): Holder =>
  certify({
    name: 'TSA',
    issuer: root,
    keyUsage: ['digitalSignature'],
    purposes: [oids.timeStamping],
    purposesCritical: true,
    ...more,
  })
export const tsa = tsaOf()

export interface Stamp {
  readonly by?: Holder
  readonly digest?: DigestName
  readonly request?: Partial<TimestampRequestInput>
  readonly genTime?: Date
  readonly accuracy?: number
}

/** A whole response. */
export async function respond(wanted: Stamp = {}): Promise<Uint8Array> {
  const by = wanted.by ?? tsa
  const algorithm = signatureFor(by.privateKey, wanted.digest ?? 'SHA-512')
  const imprint = digest('SHA-512', DATA)
  const request = buildTimestampRequest({ digest: 'SHA-512', imprint, certReq: true, ...wanted.request })
  return await buildTimestampResponse(
    {
      request: parseTimestampRequest(request),
      tsa: by.certificate,
      policy: POLICY,
      serialNumber: 2n ** 80n + 1n,
      genTime: wanted.genTime ?? NOW,
      algorithm,
      ...(wanted.accuracy === undefined ? {} : { accuracy: wanted.accuracy }),
    },
    async (attributes) => signWith(algorithm.digest.replace('-', '').toLowerCase(), attributes, by.privateKey),
  )
}

export async function stamp(wanted: Stamp = {}): Promise<Uint8Array> {
  const { token } = parseTimestampResponse(await respond(wanted))
  if (token === undefined) throw new Error('no token')
  return token
}

export const judge = (token: Uint8Array, approved: readonly Certificate[] = [tsa.certificate]) =>
  verifyTimestampToken(parseTimestampToken(token), approved)

/** The raw parts of a token, to be changed and signed again. */
export interface TokenParts {
  info: Uint8Array[]
  attributes: Uint8Array[]
  signer: Uint8Array[]
  data: Uint8Array[]
  contentType: string
}

const raws = (value: { children(): readonly { readonly raw: Uint8Array }[] }) => value.children().map((one) => one.raw)
const attributeOf = (oid: string, value: Uint8Array) => write.sequence(write.oid(oid), write.set(value))

/**
 * A token whose parts `change` has had in hand. Digest attribute and signature are made anew over what it left, so what is refused is
 * refused for its shape; `resign: false` leaves both as they were.
 */
export async function forged(
  change: (parts: TokenParts) => void,
  options: { resign?: boolean } = {},
): Promise<Uint8Array> {
  const token = readDer(await stamp())
  const data = token.child(1).child(0)
  const signer = data.child(data.children().length - 1).child(0)
  const content = data.child(2).child(1).child(0)
  const parts: TokenParts = {
    info: raws(readDer(content.octets())),
    attributes: signer
      .child(3)
      .children()
      .map((one) => one.raw),
    signer: raws(signer),
    data: raws(data),
    contentType: oids.tstInfo,
  }
  change(parts)
  const info = write.sequence(...parts.info)
  if (options.resign ?? true) {
    const { attributes } = parts
    const at = attributes.findIndex((one) => readDer(one).child(0).oid() === oids.messageDigest)
    if (at >= 0) attributes[at] = attributeOf(oids.messageDigest, write.octets(digest('SHA-512', info)))
    const set = write.set(...attributes)
    const implicit = Buffer.from(set)
    implicit[0] = 0xa0
    if (parts.signer[3] === signer.child(3).raw) parts.signer[3] = implicit
    if (parts.signer[5] === signer.child(5).raw) parts.signer[5] = write.octets(signWith('sha512', set, tsa.privateKey))
  }
  if (parts.data[2] === data.child(2).raw)
    parts.data[2] = write.sequence(write.oid(parts.contentType), write.tagged(0, true, write.octets(info)))
  const last = parts.data.length - 1
  if (parts.data[last] === data.children().at(-1)?.raw) parts.data[last] = write.set(write.sequence(...parts.signer))
  return write.sequence(write.oid(oids.signedData), write.tagged(0, true, write.sequence(...parts.data)))
}
