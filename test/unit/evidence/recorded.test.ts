// Every signature of the recorded exchanges (shared vectors, recorded/): RSA and EC, plain and batch, REST and SOAP, at the clock of the recording.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { EvidenceError, type MessagePart, readSignature, type VerifyInput, verifyMessage } from '#evidence'
import {
  type ClientId,
  collect,
  parseSharedParameters,
  readTransport,
  type TrustMaterial,
  trustMaterial,
} from '#protocol'
import { digest, encodeBase64, parseOcspResponse } from '#trust'
import { needsVectors, vector, vectorPath } from '../../vectors.ts'
import { headerOf, readHttp } from '../protocol/http-message.ts'
import { once } from './messages.ts'

interface ExpectedSignature {
  readonly algorithm: string
  readonly references: readonly { readonly uri: string; readonly digest: string }[]
  readonly signingTime: string
  readonly signerSerial: string
  readonly signatureValue: string
  readonly canonicalSignedInfoSha512: string
  readonly canonicalSignedPropertiesSha512: string
  readonly ocspValues: readonly { readonly serialNumber: string; readonly sha512: string }[]
  readonly certificateValues: readonly unknown[]
  readonly batch: boolean
}

interface Expected {
  readonly recordedAt: string
  readonly request?: { readonly signature?: ExpectedSignature }
  readonly response?: { readonly signature?: ExpectedSignature }
}

interface Recorded {
  readonly name: string
  readonly expected: ExpectedSignature
  readonly input: VerifyInput
}

const SIGNERS: Record<'request' | 'response', ClientId> = {
  request: { instance: 'TEST', memberClass: 'COM', memberCode: '2222', subsystemCode: 'CLI' },
  response: { instance: 'TEST', memberClass: 'COM', memberCode: '1111', subsystemCode: 'SVC' },
}

async function signedMessage(
  bytes: Buffer,
  role: 'request' | 'response',
): Promise<Pick<VerifyInput, 'parts' | 'signature' | 'chain' | 'chainResult'>> {
  const { body, rawHeaders } = readHttp(bytes)
  const parts: MessagePart[] = []
  let read: Partial<Record<'signature' | 'chain' | 'chainResult', Uint8Array>> = {}
  const add = (name: string, octets: Uint8Array, keep: boolean) =>
    parts.push({ name, digest: digest('SHA-512', octets), ...(keep ? { bytes: octets } : {}) })
  for await (const part of readTransport(once(body), headerOf(rawHeaders, 'content-type') ?? '', role))
    switch (part.kind) {
      case 'soap':
      case 'rest-request':
      case 'rest-response':
        add('/message.xml', part.bytes, true)
        break
      case 'rest-body':
        add('/attachment1', await collect(part.body, 1 << 24), false)
        break
      case 'attachment':
        add(`/attachment${part.number}`, await collect(part.body, 1 << 24), false)
        break
      case 'signature':
        read = { ...read, signature: part.bytes }
        break
      case 'chain':
        read = { ...read, chain: part.bytes }
        break
      case 'chain-result':
        read = { ...read, chainResult: part.bytes }
        break
      case 'ocsp':
      case 'fault':
        break
    }
  assert.ok(read.signature)
  return { parts, ...read, signature: read.signature }
}

async function recordings(): Promise<Recorded[]> {
  const trust: TrustMaterial = trustMaterial(
    parseSharedParameters(vector('recorded', 'globalconf', 'TEST', 'shared-params.xml'), 6),
    [],
  )
  const found: Recorded[] = []
  for (const set of ['rsa', 'ec'])
    for (const file of readdirSync(vectorPath('recorded', 'exchanges', set)).sort()) {
      if (!file.endsWith('.expected.json')) continue
      const name = file.slice(0, -'.expected.json'.length)
      const expected = JSON.parse(readFileSync(vectorPath('recorded', 'exchanges', set, file), 'utf8')) as Expected
      const at = new Date(Date.parse(expected.recordedAt) + 1000)
      for (const role of ['request', 'response'] as const) {
        const signature = expected[role]?.signature
        if (signature === undefined) continue
        const bytes = readFileSync(join(vectorPath('recorded', 'exchanges', set), `${name}.${role}.bin`))
        const input = { ...(await signedMessage(bytes, role)), signer: SIGNERS[role], trust, at }
        found.push({ name: `${set}/${name} ${role}`, expected: signature, input })
      }
    }
  return found
}

const sha512 = (bytes: Uint8Array) => encodeBase64(digest('SHA-512', bytes))

test('all verify: signature, coverage, chain, signer, path, OCSP', async (t) => {
  if (!needsVectors(t)) return
  const all = await recordings()
  assert.equal(all.length, 57)
  for (const { name, expected, input } of all) {
    const seen = verifyMessage(input)
    assert.equal(seen.form, expected.batch ? 'batch' : 'plain', name)
    assert.equal(seen.signedAt?.toISOString(), expected.signingTime, name)
    assert.equal(`${seen.certificate.serialNumber}`, expected.signerSerial, name)
    assert.equal(seen.signer.memberCode, input.signer.memberCode, name)
  }
})

test('what is hashed is what an independent canonicaliser found', async (t) => {
  if (!needsVectors(t)) return
  for (const { name, expected, input } of await recordings()) {
    const signature = readSignature(input.signature)
    assert.equal(sha512(signature.signedInfo()), expected.canonicalSignedInfoSha512, name)
    assert.equal(
      sha512(signature.signedProperties({ kind: 'inclusive' })),
      expected.canonicalSignedPropertiesSha512,
      name,
    )
    assert.equal(signature.algorithm.uri, expected.algorithm, name)
    assert.deepEqual(
      signature.references.map(({ uri, value }) => ({ uri, digest: encodeBase64(value) })),
      expected.references,
      name,
    )
    assert.equal(encodeBase64(signature.value), expected.signatureValue, name)
    assert.equal(signature.intermediates.length, expected.certificateValues.length, name)
    assert.deepEqual(
      signature.ocspAnswers.map((der) => ({
        serialNumber: `${parseOcspResponse(der).responses[0]?.serialNumber}`,
        sha512: sha512(der),
      })),
      expected.ocspValues.map(({ serialNumber, sha512: value }) => ({ serialNumber, sha512: value })),
      name,
    )
  }
})

test('none verifies for another signer, another part, or an hour later', async (t) => {
  if (!needsVectors(t)) return
  const codeOf = (input: VerifyInput) => {
    try {
      verifyMessage(input)
    } catch (error) {
      if (error instanceof EvidenceError) return error.code
      throw error
    }
    return 'accepted'
  }
  for (const { name, expected, input } of await recordings()) {
    assert.equal(codeOf({ ...input, signer: { ...input.signer, memberCode: '3333' } }), 'incorrect_certificate', name)
    assert.equal(
      codeOf({ ...input, at: new Date(input.at.getTime() + 2 * 3600 * 1000) }),
      'invalid_cert_path.incorrect_validation_info',
      name,
    )
    input.parts.forEach((part, index) => {
      const other: MessagePart = { name: part.name, digest: digest('SHA-512', part.digest) }
      const code = codeOf({ ...input, parts: input.parts.with(index, other) })
      assert.equal(
        code,
        expected.batch ? 'malformed_signature.invalid_hash_chain_ref' : 'invalid_signature_value',
        name,
      )
      const fewer = codeOf({ ...input, parts: input.parts.toSpliced(index, 1) })
      assert.equal(fewer, expected.batch ? 'malformed_signature.invalid_hash_chain_ref' : 'malformed_signature', name)
    })
    const more = codeOf({
      ...input,
      parts: [...input.parts, { name: '/attachment9', digest: digest('SHA-512', Buffer.of(1)) }],
    })
    assert.equal(more, expected.batch ? 'malformed_signature.hashchain_unused_inputs' : 'malformed_signature', name)
  }
})
