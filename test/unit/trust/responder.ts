// One CA, what it certified and what is said about that over OCSP: for the tests of reading and judging answers.
import { sign as signWith } from 'node:crypto'
import {
  buildOcspResponse,
  type Certificate,
  certId,
  judgeOcsp,
  type OcspAnswer,
  type OcspResponseInput,
  type OcspTrust,
  oids,
  parseOcspResponse,
  signatureFor,
} from '#trust'
import { authority, certify, type Holder, NOW } from './certify.ts'

export const ca = authority('CA')
export const leaf = certify({ name: 'leaf', issuer: ca, keyUsage: ['digitalSignature'] })
export const delegate = certify({
  name: 'Delegate',
  issuer: ca,
  keyUsage: ['digitalSignature'],
  purposes: [oids.ocspSigning],
})
export const ago = (seconds: number) => new Date(NOW.getTime() - seconds * 1000)

export interface Answer {
  readonly about?: Certificate
  readonly issuer?: Holder
  readonly responder?: Holder
  readonly certId?: Uint8Array
  readonly single?: Partial<OcspAnswer>
  readonly before?: readonly OcspAnswer[]
  readonly more?: Partial<OcspResponseInput>
}

export async function answer(wanted: Answer = {}): Promise<Uint8Array> {
  const responder = wanted.responder ?? ca
  const algorithm = signatureFor(responder.privateKey, 'SHA-256')
  return await buildOcspResponse(
    {
      responder: responder.certificate,
      producedAt: ago(5),
      answers: [
        ...(wanted.before ?? []),
        {
          certId: wanted.certId ?? certId(wanted.about ?? leaf.certificate, (wanted.issuer ?? ca).certificate),
          status: 'good',
          thisUpdate: ago(10),
          ...wanted.single,
        },
      ],
      includeCertificates: responder === ca ? [] : [responder.certificate],
      algorithm,
      ...wanted.more,
    },
    async (tbs) => signWith('sha256', tbs, responder.privateKey),
  )
}

export const TRUST: OcspTrust = { issuer: ca.certificate, responders: [], authorities: [ca.certificate] }
export const POLICY = { at: NOW, freshnessSeconds: 3600, verifyNextUpdate: true }
export const judge = (der: Uint8Array, trust: Partial<OcspTrust> = {}, policy: Partial<typeof POLICY> = {}) =>
  judgeOcsp(leaf.certificate, parseOcspResponse(der), { ...TRUST, ...trust }, { ...POLICY, ...policy })

export const disbelieved = { name: 'TrustError', code: 'incorrect_validation_info' }
export const notGood = { name: 'TrustError', code: 'cert_validation' }
