// The signer's socket and what it is willing to sign: frames however they are cut, and bytes that are of one kind or of none.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { SignerError } from '../../signer/error.ts'
import { readPkcs8 } from '../../signer/key-import.ts'
import {
  isCertificate,
  isConfiguration,
  isManagementRequest,
  isOcspResponse,
  isRevocationList,
  isSignedInfo,
  isTimestampAttributes,
} from '../../signer/kinds.ts'
import { frameReader, MAX_FRAME } from '../../signer/wire.ts'
import { algorithm, batchSignedInfo, ordinarySoap, samples } from '../unit/signer/samples.ts'
import { keyPair } from '../unit/trust/certify.ts'
import { bears, property } from './campaign.ts'
import { mutatedDer } from './der.ts'
import { byTag, cuts, mutated, shuffled, XML_TOKENS } from './mutate.ts'

function frame(json: string): Buffer {
  const head = Buffer.alloc(4)
  head.writeUInt32BE(Buffer.byteLength(json))
  return Buffer.concat([head, Buffer.from(json)])
}

/** The frames that came out, and the code of what ended it. */
function framesOf(bytes: Buffer, sizes: readonly number[]): string {
  const seen: string[] = []
  const read = frameReader((json) => seen.push(json))
  const ended = bears(() => {
    for (let at = 0, index = 0; at < bytes.length; index += 1) {
      const size = Math.max(Math.ceil(bytes.length / 2000), sizes[index % sizes.length] ?? 1)
      read(Buffer.from(bytes.subarray(at, at + size)))
      at += size
    }
  }, SignerError)
  return [...seen, ended === undefined ? 'refused' : 'open'].join('\n')
}

const texts = fc.array(fc.string({ minLength: 1, maxLength: 40 }), { maxLength: 6 })
property('frames: what is written is read, in any pieces', 300, fc.tuple(texts, cuts), ([list, sizes]) => {
  assert.equal(framesOf(Buffer.concat(list.map(frame)), sizes), [...list, 'open'].join('\n'))
  return true
})

const conversation = Buffer.concat(['{"id":0,"op":"hello"}', `{"id":1,"data":"${'A'.repeat(3000)}"}`, '{}'].map(frame))
const LENGTHS = [
  [0, 0, 0, 0],
  [0xff, 0xff, 0xff, 0xff],
  [0, 0x10, 0, 1],
  [0, 0, 0, 1],
].map((octets) => Buffer.from(octets))
property(
  'frames of strangers: pieces change nothing',
  400,
  fc.tuple(mutated([conversation], LENGTHS), cuts),
  ([bytes, sizes]) => {
    const whole = framesOf(bytes, [bytes.length || 1])
    assert.equal(framesOf(bytes, sizes), whole)
    for (const line of whole.split('\n')) assert.ok(line.length <= MAX_FRAME)
    return whole.endsWith('open')
  },
)

const KINDS = {
  message: (data: Uint8Array) => isSignedInfo(data, algorithm),
  configuration: isConfiguration,
  certificate: isCertificate,
  crl: isRevocationList,
  ocsp: isOcspResponse,
  timestamp: isTimestampAttributes,
  management: isManagementRequest,
}
const of = await samples()
const der = [of.certificate, of.crl, of.ocsp, of.timestamp]
const written = [of.message, of.configuration, of.management, await batchSignedInfo(), Buffer.from(ordinarySoap)].map(
  (bytes) => Buffer.from(bytes),
)
const odd = fc.oneof(
  mutatedDer(der),
  mutated([...der, ...written], ['--', '\r\n', 'Expire-date: 2030-01-01T', ...XML_TOKENS]),
  shuffled(written.map(String), byTag, ['</ds:SignedInfo>', '&#xD;', '<x:Body>', '<authCertReg>', ...XML_TOKENS]).map(
    (text) => Buffer.from(text),
  ),
)
property('bytes to be signed are of one kind at most', 800, odd, (data) => {
  const kinds = Object.entries(KINDS).filter(([, is]) => is(data))
  assert.ok(kinds.length <= 1, kinds.map(([kind]) => kind).join(' and '))
  return kinds.length === 1
})

const pkcs8 = [keyPair('P-256'), keyPair('RSA-2048')].flatMap(({ privateKey }) => [
  privateKey.export({ type: 'pkcs8', format: 'der' }),
  Buffer.from(privateKey.export({ type: 'pkcs8', format: 'pem' })),
])
property(
  'private keys of strangers',
  { short: 150, long: 10_000 },
  fc.oneof(mutated(pkcs8), mutatedDer(pkcs8.filter((_, index) => index % 2 === 0))),
  (bytes) => bears(() => readPkcs8(bytes, undefined), SignerError) !== undefined,
)
